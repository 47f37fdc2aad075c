"""The lines that make the numbers on the screen: with `lab`, and with the plain libraries."""

from lessons.bench import Using
from lessons.chunking.cutting import Cutting
from lessons.components import blocks, documents
from lessons.components.blocks import Block
from lessons.components.source import made, where


def drawer(using: Using, cutting: Cutting) -> Block:
    """Chunks, words cut, and the share that mixes documents, as on the screen."""
    imports, training = documents.with_lab(using)
    with_lab = f"""from lab.chunking import Chunking, SpecialTokens, borders, chunk
{imports}
from lab.model import load_tokenizer
from lab.tokenization import tokenize

tokenizer = load_tokenizer({using.model!r})
tokens = tokenize({training}, tokenizer)
chunks = chunk(tokens, {made(cutting.chunking)}, SpecialTokens.of(tokenizer))
print(len(chunks), "chunks")
print(len(borders(chunks).words_cut), "words cut in two")
print(chunks.mixes_documents.sum(), "chunks that mix documents")"""
    return blocks.code(with_lab, _plain(using, cutting))


def _plain(using: Using, cutting: Cutting) -> str:
    imports, texts = documents.plain(using)
    size, room = cutting.stream.size, cutting.stream.room
    per_document = cutting.chunking.special_tokens == "document"
    why = "positions in a chunk" if per_document else f"of the {size} positions in a chunk, beside its own special tokens"
    bare = "" if per_document else ", add_special_tokens=False"
    stop = "len(stream)" if cutting.chunking.remainder == "pad" else "len(stream) - room + 1"
    return f"""{imports}
from transformers import AutoTokenizer

room = {room}  # {why}
{texts}
tokenizer = AutoTokenizer.from_pretrained({where(using.model)})
encoded = tokenizer(texts[:], split_special_tokens=True, verbose=False{bare})
stream = [  # (id, which document, which word of it)
    (id, number, word)
    for number in range(len(texts))
    for id, word in zip(encoded["input_ids"][number], encoded.word_ids(number))
]
chunks = [stream[start : start + room] for start in range(0, {stop}, room)]
borders = [(before[-1], after[0]) for before, after in zip(chunks, chunks[1:])]
print(len(chunks), "chunks")
print(sum(one[1:] == other[1:] and one[2] is not None for one, other in borders), "words cut in two")
print(sum(chunk[0][1] != chunk[-1][1] for chunk in chunks), "chunks that mix documents")"""
