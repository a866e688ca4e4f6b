"""Commands over the company table: who bears a name or symbol, and whether an own file can be used."""

from pathlib import Path
from typing import Annotated

import typer

from stream.cli.shell import Json, report, settings

app = typer.Typer(help="The companies that posts are linked to.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def show(
    query: Annotated[str, typer.Argument(help="A symbol, or a name as it is written.")],
    as_json: Json = False,
) -> None:
    """Show a company: its listings, and its names with their dates.

    Example: groundswell companies show 9988.HK
    """
    from stream.companies import Companies
    from stream.companies.table import Company, Name, day_text
    from stream.errors import InputError

    def dates(name: Name) -> dict[str, object]:
        since, until = (day_text(day) if day is not None else None for day in (name.since, name.until))
        return {"name": name.text, "sort": name.sort, "from": since, "to": until}

    def shown(company: Company) -> str:
        rows = [f"{company.symbol}  {company.title}  {company.sector or ''}".rstrip()]
        rows.append(f"  listings: {', '.join(company.listings)}")
        for name in map(dates, company.names):
            span = f" ({name['from'] or '…'} to {name['to'] or '…'})" if name["from"] or name["to"] else ""
            rows.append(f"  {name['name']}{span}  {name['sort']}")
        return "\n".join(rows)

    linker = Companies(settings().companies.file).linker
    known = linker.company(query)
    found = [known] if known else linker.named(query)
    if not found:
        raise InputError(f"no company has the symbol or name '{query}'; add it in a file (setting companies.file)")
    as_rows = [
        {
            "symbol": one.symbol,
            "name": one.title,
            "sector": one.sector,
            "listings": list(one.listings),
            "names": [dates(name) for name in one.names],
        }
        for one in found
    ]
    report({"companies": as_rows}, "\n".join(map(shown, found)), as_json)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="CSV with symbol,name,aliases,from,to.")],
    as_json: Json = False,
) -> None:
    """Check a file of own companies, as it would be when read.

    Example: groundswell companies check companies.csv
    """
    from stream.companies.own import read_own
    from stream.companies.table import shipped

    issuers = shipped().issuers
    rows = read_own(file, issuers)
    new = {row.symbol for row in rows} - issuers.keys()
    result: dict[str, object] = {
        "rows": len(rows),
        "names": sum(len(row.names) for row in rows),
        "new_companies": len(new),
    }
    report(result, f"{len(rows)} rows, {result['names']} names, {len(new)} companies that the table lacks", as_json)
