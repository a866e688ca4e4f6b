"""Claims about settings: where they come from, which wins, and what is said when they are wrong."""

import os
from pathlib import Path

import pytest

from classifier.foreign.settings import ForeignModel
from stream.cleaning import Source
from stream.errors import SettingsError
from stream.settings import Settings, author_key, load_settings


def toml(folder: Path, text: str) -> Path:
    path = folder / "groundswell.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a settings file or local stack."""
    monkeypatch.chdir(tmp_path)


def test_without_file_and_environment_the_defaults_are_in_force() -> None:
    assert load_settings(environment={}) == Settings()


def test_the_file_in_the_working_folder_is_read(tmp_path: Path) -> None:
    toml(tmp_path, 'shards = 3\n[kafka]\nbootstrap = "k:1"\n[sources.wire]\nkind = "news"\nusual_lag_p99_s = 60\n')
    settings = load_settings(environment={})
    assert (settings.shards, settings.kafka.bootstrap, settings.kafka.partitions) == (3, "k:1", 6)
    assert settings.sources == {"wire": Source("news", None, 60)}


def test_companies_may_have_a_sector(tmp_path: Path) -> None:
    path = toml(tmp_path, '[sectors]\nORBQ = "energy"\n"699101.SH" = "batteries"\n')
    assert load_settings(path, {}).sectors == {"ORBQ": "energy", "699101.SH": "batteries"}
    with pytest.raises(SettingsError, match="sectors"):
        load_settings(toml(tmp_path, '[sectors]\nORBQ = "oil: gas"\n'), {})


def test_the_environment_wins_over_the_file_and_options_over_both(tmp_path: Path) -> None:
    path = toml(tmp_path, 'prefix = "file."\nshards = 3\n[kafka]\nbootstrap = "file:1"\npartitions = 4\n')
    environment = {
        "GROUNDSWELL_KAFKA__BOOTSTRAP": "env:1",
        "GROUNDSWELL_PREFIX": "env.",
        "GROUNDSWELL_BATCH_WAIT_S": "0.5",
        "GROUNDSWELL_CHANNELS__CONSOLE": "false",
        "GROUNDSWELL_DESK__HOSTS": '["desk.example"]',
        "UNRELATED": "x",
    }
    settings = load_settings(path, environment, prefix="option.", clock=None)
    assert (settings.prefix, settings.clock, settings.shards) == ("option.", "broker", 3)
    assert (settings.kafka.bootstrap, settings.kafka.partitions) == ("env:1", 4)
    assert (settings.batch_wait_s, settings.channels.console) == (0.5, False)
    assert settings.desk.hosts == ("desk.example",)


def test_what_up_has_started_is_found_and_can_be_overruled(tmp_path: Path) -> None:
    (tmp_path / ".groundswell").mkdir()
    (tmp_path / ".groundswell" / "stack.json").write_text(
        '{"kafka": "127.0.0.1:1", "redis_url": "redis://127.0.0.1:2/0", "elasticsearch_url": "http://127.0.0.1:3"}'
    )
    settings = load_settings(environment={"GROUNDSWELL_REDIS__URL": "redis://other/0"})
    assert settings.kafka.bootstrap == "127.0.0.1:1"
    assert settings.elasticsearch.url == "http://127.0.0.1:3"
    assert settings.redis.url == "redis://other/0"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("shard = 2", "unknown setting 'shard'; did you mean 'shards'?"),
        ("[kafka]\nbootstap = 'x'", "unknown setting 'kafka.bootstap'; did you mean 'kafka.bootstrap'?"),
        ("[elastic_search]\nurl = 'x'", "did you mean 'elasticsearch'?"),
        ("[sources.wire]\nkid = 'news'", "unknown setting 'sources.wire.kid'; did you mean 'sources.wire.kind'?"),
        ("[[channels.webhook]]\nnmae = 'x'", "'channels.webhook.nmae'; did you mean 'channels.webhook.name'?"),
        ("[foreign]\nmodle = 'x'", "unknown setting 'foreign.modle'; did you mean 'foreign.model'?"),
        ("zzz = 1", "known are"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_known_one(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(toml(tmp_path, text), {})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_model_of_one_s_own_is_a_table_and_its_labels_may_have_any_name(tmp_path: Path) -> None:
    path = toml(
        tmp_path,
        '[foreign]\nmodel = "models/finbert"\nlanguages = ["en"]\n'
        'labels = {LABEL_0 = "negative", "so so" = "neutral", model = "positive"}\n',
    )
    labels = {"LABEL_0": "negative", "so so": "neutral", "model": "positive"}
    assert load_settings(path, {}).foreign == ForeignModel("models/finbert", labels, ("en",))
    environment = {"GROUNDSWELL_FOREIGN__DOWNLOAD": "true", "GROUNDSWELL_FOREIGN__LABELS__LABEL_1": "positive"}
    foreign = load_settings(path, environment).foreign
    assert foreign is not None
    assert foreign.download
    assert foreign.labels == {**labels, "label_1": "positive"}


def test_an_unknown_variable_is_an_error_too() -> None:
    with pytest.raises(SettingsError, match=r"unknown setting 'kafka\.boostrap'; did you mean 'kafka\.bootstrap'"):
        load_settings(environment={"GROUNDSWELL_KAFKA__BOOSTRAP": "x"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("shards = 'many'", "$.shards"),
        ("clock = 'sundial'", "$.clock"),
        ("kafka = 'localhost'", "$.kafka"),
        ("prefix = 'Has Space'", "$.prefix"),
        ("[desk]\nport = 'http'", "$.desk.port"),
        ("foreign = 'ProsusAI/finbert'", "$.foreign"),
        ("[foreign]\ndownload = true", "`model` - at `$.foreign`"),
        ("[foreign]\nmodel = ''", "$.foreign.model"),
        ("[foreign]\nmodel = 'm'\ntemperature = 0", "$.foreign.temperature"),
        ("[foreign]\nmodel = 'm'\nlanguages = ['en', 'chinese']", "$.foreign.languages[1]"),
        ("[foreign]\nmodel = 'm'\nlabels = ['negative']", "$.foreign.labels"),
        ("shards = ", "no TOML"),
    ],
)
def test_a_wrong_value_is_refused_with_the_place_where_it_stands(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(toml(tmp_path, text), {})
    assert said in str(caught.value)


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml is not there"):
        load_settings(tmp_path / "absent.toml", {})


def test_a_variable_cannot_make_a_table_of_a_value() -> None:
    with pytest.raises(SettingsError, match="no table"):
        load_settings(environment={"GROUNDSWELL_SHARDS": "2", "GROUNDSWELL_SHARDS__DEEP": "3"})


def test_secrets_never_show_in_a_repr(tmp_path: Path) -> None:
    path = toml(
        tmp_path,
        '[redis]\nurl = "redis://:hunter2@r/0"\n[elasticsearch]\nurl = "http://u:hunter2@e"\n'
        '[[channels.webhook]]\nname = "ops"\nurl = "https://h.example/hunter2"\nsecret = "hunter2hunter2"\n'
        '[[channels.email]]\nname = "mail"\nhost = "m"\nsender = "a@b.example"\nrecipients = ["c@d.example"]\n'
        'username = "u"\npassword = "hunter2"\n',
    )
    settings = load_settings(path, {})
    assert settings.channels.webhook[0].secret == "hunter2hunter2"
    assert "hunter2" not in repr(settings)
    assert "***" in repr(settings)


def test_the_author_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    settings = Settings(author_key_file=tmp_path / "keys" / "author.key")
    with pytest.raises(SettingsError, match="no author key"):
        author_key(settings, create=False)
    key = author_key(settings, create=True)
    assert len(key) == 64
    assert author_key(settings, create=True) == author_key(settings, create=False) == key
    assert os.stat(settings.author_key_file).st_mode & 0o077 == 0


def test_a_zone_that_does_not_exist_is_refused_with_its_name(tmp_path: Path) -> None:
    path = toml(tmp_path, '[sources.wire]\ntime_zone = "Asia/Shangai"\n')
    with pytest.raises(SettingsError, match="Asia/Shangai"):
        load_settings(path, {})
