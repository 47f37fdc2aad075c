"""Cutting: the corpus in use under the settings of the page, kept while they stay the same."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lab.chunk_sizes import Outlook, outlook
from lab.chunking import Borders, Chunking, Chunks, SpecialTokens, borders, chunk
from lab.settings import build
from lab.stream import Stream
from lessons import bench
from lessons.bench import Using
from lessons.shelf import Shelf

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from lab.tokenization import Tokens

SMALLEST, USUAL, LARGEST = 16, 128, 512
SIZES = (16, 32, 64, 128, 256, 512)


@dataclass(frozen=True)
class Cutting:
    """A corpus, cut."""

    chunking: Chunking
    tokens: "Tokens"
    special: SpecialTokens
    tokenizer: "PreTrainedTokenizerFast"
    stream: Stream
    chunks: Chunks  # as they are trained on
    shown: Chunks  # the same with the tail as a last, padded chunk, so that it can be looked at
    borders: Borders

    @property
    def documents(self) -> int:
        return len(self.tokens.document_starts) - 1

    def at_size(self, chunk_size: int) -> Outlook:
        """What another size would come to."""
        return outlook(self.tokens, replace(self.chunking, chunk_size=chunk_size), self.special)


def chunking(size: Any, special_tokens: Any, remainder: Any) -> Chunking:
    """The settings of the page. Raises SettingError for values that aren't any."""
    whole = int(size) if isinstance(size, int | float) and size == size else USUAL
    size = min(max(whole, SMALLEST), LARGEST)
    return build(Chunking, {"chunk_size": size, "special_tokens": special_tokens, "remainder": remainder})


def cut(using: Using, settings: Chunking) -> Cutting:
    """Cut the training documents of the corpus in use. Raises CorpusError if they fill no chunk."""
    tokens, tokenizer = bench.tokens(using), bench.tokenizer(using.model)
    key = (using.corpus, using.text_column, using.model, settings)
    return _cuttings.take(key, lambda: _cut(tokens, tokenizer, settings, noun(using)))


_cuttings = Shelf[Cutting](3)  # one of IMDB takes 150 MB


def _cut(tokens: "Tokens", tokenizer: "PreTrainedTokenizerFast", settings: Chunking, what: str) -> Cutting:
    special = SpecialTokens.of(tokenizer)
    chunks = chunk(tokens, settings, special, what=f"The text of all {what}s together")
    shown = chunks
    if settings.remainder == "drop" and special.pad is not None:
        shown = chunk(tokens, replace(settings, remainder="pad"), special)
    stream = Stream(tokens, settings, special)
    return Cutting(settings, tokens, special, tokenizer, stream, chunks, shown, borders(chunks))


def noun(using: Using) -> str:
    """What a document of the corpus in use is called."""
    return "review" if using.corpus in ("reviews", "imdb") else "document"


def spelled(tokenizer: "PreTrainedTokenizerFast") -> Callable[[int], str]:
    """Id → piece, each looked up once."""
    known: dict[int, str] = {}

    def spell(id: int) -> str:
        if id not in known:
            known[id] = str(tokenizer.convert_ids_to_tokens(id))
        return known[id]

    return spell
