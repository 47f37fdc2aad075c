"""The lines that make the numbers on the screen: with `lab`, and with the plain libraries."""

from lessons.bench import Using
from lessons.chunking.cutting import Cutting
from lessons.components import blocks, documents
from lessons.components.blocks import Block
from lessons.components.source import made, where


def drawer(using: Using, cutting: Cutting) -> Block:
    """Chunks, words cut, and the share that mixes documents, as on the screen."""
    imports, texts = documents.with_lab(using)
    split = texts.removesuffix('["text"]')
    with_lab = f"""from lab.chunking import Chunking, SpecialTokens, borders, chunk
{imports}
from lab.model import load_tokenizer
from lab.tokenization import tokenize

tokenizer = load_tokenizer({using.model!r})
tokens = tokenize({split}, tokenizer)
chunks = chunk(tokens, {made(cutting.chunking)}, SpecialTokens.of(tokenizer))
print(len(chunks), "chunks")
print(len(borders(chunks).words_cut), "words cut in two")
print(chunks.mixes_documents.sum(), "chunks that mix documents")"""
    return blocks.code(with_lab, _plain(using, cutting))


def _plain(using: Using, cutting: Cutting) -> str:
    imports, texts = documents.plain(using)
    per_document = cutting.chunking.special_tokens == "document"
    padded = cutting.chunking.remainder == "pad"
    size = cutting.chunking.chunk_size
    room = cutting.stream.room
    inner = (
        f"room = {room}  # positions of a chunk of {size} that are left beside its own special tokens"
        if not per_document
        else ""
    )
    around = "" if per_document else ", add_special_tokens=False"
    every = "size" if per_document else "room"
    stop = "len(stream)" if padded else f"len(stream) - {every} + 1"
    return f"""{imports}
from transformers import AutoTokenizer

size = {size}
{inner + chr(10) if inner else ""}texts = {texts}
tokenizer = AutoTokenizer.from_pretrained({where(using.model)})
encoded = tokenizer(list(texts), split_special_tokens=True, verbose=False{around})
stream = [  # (id, which document, which word of it)
    (id, number, word)
    for number in range(len(texts))
    for id, word in zip(encoded["input_ids"][number], encoded.word_ids(number))
]
chunks = [stream[start : start + {every}] for start in range(0, {stop}, {every})]
cuts = [(before[-1], after[0]) for before, after in zip(chunks, chunks[1:])]
print(len(chunks), "chunks")
print(sum(one[1:] == other[1:] and one[2] is not None for one, other in cuts), "words cut in two")
print(sum(chunk[0][1] != chunk[-1][1] for chunk in chunks), "chunks that mix documents")"""
