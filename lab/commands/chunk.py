"""`chunk`: a corpus cut into chunks, and what the cuts did."""

from argparse import ArgumentParser, Namespace

from lab.chunking import Chunking
from lab.commands import add_model, quiet
from lab.corpus import Corpus
from lab.options import add_settings, read_settings
from lab.terminal import show_json, show_table


def declare(parser: ArgumentParser) -> None:
    """Give the command its options."""
    parser.epilog = "For example:  python -m lab chunk --corpus reviews --chunk-size 64 --special-tokens chunk"
    add_model(parser)
    add_settings(parser, Corpus, Chunking)
    parser.set_defaults(act=act)


def act(options: Namespace) -> int:
    """Do it; returns the exit code."""
    from lab.chunking import SpecialTokens, borders, chunk
    from lab.corpus import load_corpus
    from lab.model import load_tokenizer
    from lab.tokenization import tokenize

    quiet()
    tokenizer = load_tokenizer(options.model)
    splits = load_corpus(read_settings(Corpus, options))
    chunking = read_settings(Chunking, options)
    found = {}
    for name, split in splits.items():
        tokens = tokenize(split, tokenizer)
        chunks = chunk(tokens, chunking, SpecialTokens.of(tokenizer))
        cuts = borders(chunks)
        found[name] = {
            "documents": len(split),
            "tokens": len(tokens),
            "chunks": len(chunks),
            "borders": cuts.borders,
            "words cut in two": len(cuts.words_cut),
            "documents cut in two": len(cuts.documents_cut),
            "joins of two documents inside a chunk": len(cuts.joins),
            "chunks that show more than one document": int(chunks.mixes_documents.sum()),
            "positions dropped at the end": cuts.dropped[1] - cuts.dropped[0],
            "positions of padding": cuts.padding,
            "tokens lost if each document were truncated instead": chunks.truncated,
        }
    if options.json:
        show_json(found)
    else:
        names = list(found["train"])
        show_table("Chunks", ("", *found), ((name, *(found[split][name] for split in found)) for name in names))
    return 0
