"""Source for the code drawers: the lines that load the documents of the corpus in use."""

from lessons.bench import Using
from lessons.components.source import made


def with_lab(using: Using) -> tuple[str, str]:
    """(imports, an expression for the training documents' texts), with `lab`.

    >>> with_lab(Using())
    ('from lab.corpus import Corpus, load_corpus', 'load_corpus(Corpus())["train"]["text"]')
    """
    return "from lab.corpus import Corpus, load_corpus", f'load_corpus({made(using.corpus_settings())})["train"]["text"]'


def plain(using: Using) -> tuple[str, str]:
    """The same with `datasets` alone where that can be said in a line; else the lab reads, cleans and splits."""
    if using.corpus != "reviews":
        return with_lab(using)
    expression = 'load_dataset("parquet", data_files="assets/reviews/train.parquet", split="train")["text"]'
    return "from datasets import load_dataset", expression
