"""Source for the code drawers: the lines that load the documents of the corpus in use."""

from lessons.bench import Using
from lessons.components.source import made


def with_lab(using: Using) -> tuple[str, str]:
    """(imports, an expression for the training documents), with `lab`.

    >>> with_lab(Using())
    ('from lab.corpus import Corpus, load_corpus', 'load_corpus(Corpus())["train"]')
    """
    return "from lab.corpus import Corpus, load_corpus", f'load_corpus({made(using.corpus_settings())})["train"]'


def plain(using: Using) -> tuple[str, str]:
    """(imports, lines that set `texts`), with `datasets` alone for the bundled reviews; any other corpus is read, cleaned
    and split by the lab."""
    if using.corpus != "reviews":
        imports, expression = with_lab(using)
        return imports, f'texts = {expression}["text"]'
    return "import re\n\nfrom datasets import load_dataset", _REVIEWS


_REVIEWS = r"""texts = load_dataset("parquet", data_files="assets/reviews/train.parquet", split="train")["text"]
texts = [re.sub(r"(?i)\s*(?:<br\s*/?>\s*)+", " ", text) for text in texts]  # as the lab cleans them"""
