// The desk: keeps what the server sent, and draws it. All text goes in as text, never as markup.

import { draw, gauge, sparkline } from "./chart.js";
import * as times from "./times.js";
import { WORDS, percent, signed } from "./words.js";

const state = {
  lang: localStorage.getItem("lang") ?? (navigator.language.startsWith("zh") ? "zh" : "en"),
  hours: 24,
  series: null, // what the reader chose, if anything
  usual: null, // what is shown while nothing is chosen and no alert is open
  overview: null,
  posts: [],
  symbolPosts: null,
  incidents: [],
  view: null,
  names: {},
  topics: {},
  link: "connecting",
  trouble: null,
};

const byId = (id) => document.getElementById(id);
const words = () => WORDS[state.lang];
const ms = (text) => Date.parse(text);

function make(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children.filter((child) => child !== null && child !== ""));
  return node;
}

function button(className, act, ...children) {
  const node = make("button", className, ...children);
  node.type = "button";
  node.addEventListener("click", act);
  return node;
}

const nameOf = (symbol) => state.names[symbol]?.[state.lang] ?? null;
const topicOf = (id) => state.topics[id]?.[state.lang] ?? (id === "other" ? words().other : id);
const tone = (score) =>
  score === null ? "mid" : score <= -0.35 ? "neg2" : score <= -0.1 ? "neg1" : score < 0.1 ? "mid" : score < 0.35 ? "pos1" : "pos2";
const toneOfLabel = { negative: "neg2", neutral: "mid", positive: "pos2" };

// The series shown: the one chosen, else that of the newest open alert, else the one that was on top at first: the chart
// does not jump from company to company by itself.
function shownSeries() {
  if (state.series) return state.series;
  const open = state.incidents.find((incident) => incident.state === "open");
  if (open) return `${open.series.kind}:${open.series.key}`;
  const first = state.overview?.movers[0];
  if (!state.usual && first) state.usual = `issuer:${first.symbol}`;
  return state.usual;
}

const shownSymbol = () => shownSeries()?.split(":")[1] ?? null;

async function get(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error((await answer.json()).error);
  return answer.json();
}

function choose(series) {
  state.series = series;
  state.symbolPosts = null;
  render();
  refreshSeries();
  refreshPosts();
}

let asked = "";
async function refreshSeries() {
  const series = shownSeries();
  if (!series) return;
  const key = `${series} ${state.hours} ${state.overview?.closed_ms} ${state.incidents[0]?.updated_at}`;
  if (key === asked) return;
  asked = key;
  try {
    const view = await get(`/api/series/${encodeURIComponent(series)}?hours=${state.hours}`);
    if (series !== shownSeries()) return;
    state.view = view;
  } catch (error) {
    asked = "";
    state.trouble = error.message;
  }
  renderTrend();
  renderStatus();
}

async function refreshPosts() {
  if (!state.series) return;
  const symbol = shownSymbol();
  try {
    const posts = await get(`/api/posts?symbol=${encodeURIComponent(symbol)}&limit=40`);
    if (state.series && symbol === shownSymbol()) state.symbolPosts = posts;
  } catch (error) {
    state.trouble = error.message;
  }
  renderPosts();
}

function renderWords() {
  document.documentElement.lang = state.lang;
  for (const node of document.querySelectorAll("[data-words]")) node.textContent = words()[node.dataset.words];
  for (const node of document.querySelectorAll("[data-lang]")) node.setAttribute("aria-pressed", String(node.dataset.lang === state.lang));
  byId("range").replaceChildren(
    ...[24, 72, 192].map((hours) => {
      const node = button("", () => { state.hours = hours; renderWords(); refreshSeries(); }, words().hours(hours));
      node.setAttribute("aria-pressed", String(hours === state.hours));
      return node;
    }),
  );
}

function renderStatus() {
  const text = state.trouble ? words().trouble(state.trouble) : { live: words().live, connecting: words().connecting, lost: words().lost }[state.link];
  const live = byId("live");
  live.className = state.link === "live" && !state.trouble ? "ok" : "not";
  if (live.textContent !== text) live.textContent = text;
  if (state.overview) byId("clock").textContent = times.long(state.overview.now_ms, state.lang);
}

function renderMarket() {
  const mood = state.overview?.market;
  if (!mood) return;
  byId("market-gauge").replaceChildren(mood.score === null ? "" : gauge(mood, tone(mood.score), words().gauge(mood)));
  byId("market-words").replaceChildren(make("strong", "", words().states[mood.state]), make("span", "", words().marketNumbers(mood)));
}

function renderMovers() {
  const shown = shownSymbol();
  const held = document.activeElement?.dataset?.symbol;
  byId("movers").replaceChildren(
    ...(state.overview?.movers ?? []).map((mover) => {
      const surprise = mover.learning_until_ms !== null
        ? make("span", "quiet", words().learning(times.full(mover.learning_until_ms, state.lang)))
        : make("span", mover.surprise >= 2 ? "strong" : "quiet", words().surprise(mover.surprise));
      const share = mover.share === null
        ? make("span", "quiet", words().tooFew)
        : make("span", "", words().shareNow(mover), mover.usual_share === null ? "" : make("span", "quiet", `, ${words().shareUsual(mover.usual_share)}`));
      const row = button(
        "mover",
        () => choose(`issuer:${mover.symbol}`),
        make("span", "row", make("span", "who", make("b", "", mover.symbol), make("span", "quiet name", nameOf(mover.symbol) ?? "")), make("span", "how", surprise)),
        make("span", "row", make("span", "what", make("span", "quiet", `${words().posts(mover.posts_24h)} · `), share),
          sparkline(mover.spark, tone(mover.mood), mover.mood === null ? words().tooFew : signed(mover.mood))),
      );
      row.dataset.symbol = mover.symbol;
      row.title = `${words().posts24(mover.posts_24h)}. ${words().surpriseMeans}`;
      row.setAttribute("aria-pressed", String(mover.symbol === shown));
      return make("li", "", row);
    }),
  );
  byId("folded").textContent = words().folded(state.overview?.folded ?? 0);
  if (held) document.querySelector(`[data-symbol="${CSS.escape(held)}"]`)?.focus();
}

function seriesTitle() {
  const symbol = shownSymbol();
  return symbol ? [symbol, nameOf(symbol)].filter(Boolean).join(" · ") : "Groundswell";
}

function renderTrend() {
  byId("trend-title").textContent = seriesTitle();
  const view = state.view;
  if (!view || view.series !== shownSeries() || !view.buckets.length) {
    byId("trend-words").textContent = words().noSeries;
    byId("trend-spent").textContent = "";
    byId("chart").replaceChildren();
    byId("readout").textContent = "";
    return;
  }
  const buckets = view.buckets.map(([start, negatives, votes, expected, low, high, score]) => ({ start, negatives, votes, expected, low, high, score }));
  const learning = view.learning_until_ms === null ? "" : ` ${words().learning(times.full(view.learning_until_ms, state.lang))}.`;
  byId("trend-words").textContent = words().trendWords(buckets.at(-1), view.usual_share) + learning;
  byId("trend-spent").textContent = view.spent.map((spent) => words().spent(spent, view.spent.length > 1)).join(" ");
  const say = (b) => { byId("readout").textContent = b ? words().readout(b, times.full(b.start, state.lang)) : words().readoutHint; };
  draw(
    byId("chart"),
    {
      buckets,
      bucketMs: view.bucket_ms,
      usualShare: view.usual_share,
      marks: view.marks.map((mark) => ({ at: ms(mark.at), event: mark.event, text: `${words().severity[mark.severity]} ${times.clock(ms(mark.at), state.lang)}` })),
    },
    { label: words().chartLabel(seriesTitle(), buckets.length), words: words(), say, time: { axis: (at) => times.axis(at, state.lang) } },
  );
  byId("chart").prepend(legend(view.usual_share !== null));
  say(null);
}

function legend(usual) {
  const item = (className, text) => make("span", "", make("i", className), text);
  return make("p", "legend", make("b", "", words().negatives), item("key-band", words().band), item("key-line", words().expected),
    item("key-above", words().above), usual ? item("key-usual", words().usual) : null);
}

function renderPosts() {
  const mine = state.series && state.symbolPosts;
  byId("posts-title").textContent = state.series ? words().postsAbout(nameOf(shownSymbol()) ?? shownSymbol()) : words().latest;
  byId("posts-all").hidden = !state.series;
  const list = byId("posts");
  if (list.matches(":hover") || list.contains(document.activeElement)) return; // nobody likes lines that move while read
  const posts = mine ? state.symbolPosts : state.posts;
  list.replaceChildren(...(posts.length ? posts.map(postRow) : [make("li", "quiet", words().noPosts)]));
}

function postRow(post) {
  const at = make("time", "", times.clock(ms(post.published_at), state.lang));
  at.dateTime = post.published_at;
  at.title = times.full(ms(post.published_at), state.lang);
  const text = make("p", "text", post.text);
  text.lang = post.language;
  const symbols = post.symbols.map((symbol) => button("tag", () => choose(`issuer:${symbol}`), symbol));
  return make(
    "li", "post", at,
    make("div", "", text, make("p", "meta", mark(post.label, post.score), ...symbols, sourceOf(post),
      make("span", "", post.topics.map(topicOf).join(" · ")), post.told > 1 ? make("span", "", words().told(post.told)) : null)),
  );
}

const mark = (label, score) => make("span", `label ${toneOfLabel[label]}`, `${words().labels[label]} ${signed(score)}`);

// Only web addresses become links: a source may send anything.
function sourceOf(post) {
  if (!/^https?:\/\//i.test(post.url ?? "")) return make("span", "", post.source);
  const link = make("a", "", post.source);
  link.href = post.url;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  link.title = words().open;
  return link;
}

function renderAlerts() {
  const host = byId("alerts");
  const unfolded = new Set([...host.querySelectorAll("details[open]")].map((node) => node.dataset.incident));
  const known = new Set([...host.querySelectorAll("details")].map((node) => node.dataset.incident));
  if (!state.incidents.length) {
    host.replaceChildren(make("p", "card quiet", words().noAlerts));
    return;
  }
  host.replaceChildren(
    ...state.incidents.map((incident, i) => {
      const card = alertCard(incident);
      card.open = known.has(incident.id) ? unfolded.has(incident.id) : i === 0 || incident.state === "open";
      return card;
    }),
  );
}

const SHARED = ["negative_share", "volume"]; // measures beside which the share of negatives says something

function alertCard(incident) {
  const alert = incident.raised, measured = alert.measured, key = incident.series.key;
  const together = measured.key === "companies"; // a market incident: many companies at once
  const card = make("details", `card alert ${incident.severity} ${incident.state}`);
  card.dataset.incident = incident.id;
  card.append(
    make("summary", "",
      make("span", "alert-top", make("span", "severity", words().severity[incident.severity]), make("span", "quiet", words().states_of[incident.state]),
        make("span", "quiet when", times.full(ms(incident.opened_at), state.lang))),
      make("span", "alert-name", make("b", "", together ? words().surges[measured.key] : `${words().surges[measured.key]} · ${key}`), make("span", "quiet", nameOf(key) ?? ""))),
    make("p", "", ...(together
      ? [make("strong", "", words().alertTogether(measured)), " ", alert.members.map((one) => one.key).join(words().and)]
      : [make("strong", "", words().alertWords[measured.key](measured)), " ", SHARED.includes(measured.key) ? words().alertShare(measured) : ""])),
    make("p", "quiet", words().alertAsOf(times.short(ms(alert.evaluated_at), state.lang)), " ", measured.key === "breakout" ? "" : words().alertScore(measured), " ", words().duePosts(measured), measured.stale ? ` ${words().alertStale(measured.stale)}` : ""),
    make("h3", "", words().drivers),
    drivers(words().driverTopics, alert.drivers.topics, topicOf),
    drivers(words().driverSources, alert.drivers.sources, (id) => (id === "other" ? words().other : id)),
    make("h3", "", words().evidence),
    make("ol", "evidence", ...alert.evidence.map(evidenceRow)),
    make("h3", "", words().timeline),
    make("ol", "timeline", ...incident.timeline.map((event) =>
      make("li", "", `${times.full(ms(event.at), state.lang)} `, make("span", "", `${words().events[event.event] ?? event.event} · ${words().severity[event.severity]}`)))),
    button("plain", () => { choose(`${incident.series.kind}:${key}`); byId("trend").focus(); }, words().showTrend),
  );
  return card;
}

// The heaviest few, and the rest together, so that the shares sum to 1.
function heaviest(list) {
  const rows = list.filter((driver) => driver.id !== "other").slice(0, 4);
  const rest = 1 - rows.reduce((sum, driver) => sum + driver.share, 0);
  return rows.length && rest > 0.005 ? [...rows, { id: "other", share: rest }] : rows;
}

function drivers(title, list, name) {
  return make("dl", "drivers", make("dt", "", title), ...heaviest(list).map((driver) => {
    const bar = make("i", "");
    bar.style.width = `${Math.max(2, driver.share * 100)}%`;
    return make("dd", "", make("span", "", name(driver.id)), make("span", "track", bar), make("span", "share", percent(driver.share)));
  }));
}

function evidenceRow(item) {
  const text = make("p", "text", item.text);
  const at = make("time", "", times.short(ms(item.published_at), state.lang));
  at.dateTime = item.published_at;
  at.title = times.full(ms(item.published_at), state.lang);
  return make("li", "", text, make("p", "meta", make("span", "label neg2", signed(item.score)), at, sourceOf(item), make("span", "", whyOf(item.why))));
}

function whyOf(why) {
  const parts = /^(?:strongest negative story(?: of (\S+?))?|negative story ranked (\d+))(?:, told by (\d+) posts)?$/.exec(why);
  if (!parts) return why;
  const rank = parts[2] ? words().evidenceRank(parts[2]) : parts[1] ? words().evidenceOf(parts[1]) : words().evidenceOne;
  return rank + (parts[3] ? words().evidenceTold(parts[3]) : "");
}

function render() {
  renderWords();
  renderStatus();
  renderMarket();
  renderMovers();
  renderTrend();
  renderPosts();
  renderAlerts();
}

function listen() {
  const events = new EventSource("/events");
  const on = (name, take) => events.addEventListener(name, (event) => take(JSON.parse(event.data)));
  events.addEventListener("open", () => { state.link = "live"; renderStatus(); });
  events.addEventListener("error", () => {
    state.link = "lost";
    renderStatus();
    // a refusal (too many pages) ends an EventSource for good, so a fresh one is made
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 5000);
  });
  on("trouble", (reason) => { state.trouble = reason; renderStatus(); });
  on("overview", (overview) => {
    state.overview = overview;
    renderStatus();
    renderMarket();
    renderMovers();
    refreshSeries();
    refreshPosts();
  });
  on("posts", (posts) => { state.posts = posts; renderPosts(); });
  on("incidents", (incidents) => { state.incidents = incidents; renderAlerts(); renderMovers(); refreshSeries(); });
}

async function start() {
  for (const node of document.querySelectorAll("[data-lang]")) {
    node.addEventListener("click", () => { state.lang = node.dataset.lang; localStorage.setItem("lang", state.lang); render(); });
  }
  byId("posts-all").addEventListener("click", () => choose(null));
  new ResizeObserver(() => renderTrend()).observe(byId("trend"));
  render();
  try {
    Object.assign(state, await get("/api/words"));
  } catch (error) {
    state.trouble = error.message;
  }
  listen();
}

start();
