COMMANDS={}
import typer
topics=typer.Typer()
