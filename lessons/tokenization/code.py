"""The lines that make the pictures: with `lab`, and with the plain libraries."""

from lessons.bench import Using
from lessons.components import blocks, documents
from lessons.components.blocks import Block
from lessons.components.source import where


def apart(using: Using, text: str) -> Block:
    """A text taken apart, and put together again."""
    with_lab = f"""from lab.decoding import decode
from lab.model import load_tokenizer
from lab.tokenization import explain

text = {text!r}
tokenizer = load_tokenizer({using.model!r})
for piece in explain(tokenizer, text):
    print(piece.text, piece.id, piece.word, (piece.start, piece.end))
print(decode(tokenizer, text).back)"""
    plain = f"""from transformers import AutoTokenizer

text = {text!r}
tokenizer = AutoTokenizer.from_pretrained({where(using.model)})
encoded = tokenizer(text, return_offsets_mapping=True)
for piece, id, word, characters in zip(
    encoded.tokens(), encoded["input_ids"], encoded.word_ids(), encoded["offset_mapping"]
):
    print(piece, id, word, characters)
print(tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]))"""
    return blocks.code(with_lab, plain)


def learned(using: Using, text: str, size: int, read: int) -> Block:
    """A vocabulary learned from the first `read` documents, and the text in its pieces."""
    imports, training = documents.with_lab(using)
    with_lab = f"""{imports}
from lab.vocabulary import byte_level_bpe, count_words, learn

texts = {training}["text"][:{read}]
merges = list(learn(count_words(texts), {size}))
tokenizer = byte_level_bpe(merges, {size})
print(tokenizer.tokenize({text!r}))"""
    imports, texts = documents.plain(using)
    plain = f"""{imports}
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

{texts}
tokenizer = Tokenizer(BPE())
tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
trainer = BpeTrainer(vocab_size={size}, min_frequency=2, initial_alphabet=ByteLevel.alphabet())
tokenizer.train_from_iterator(texts[:{read}], trainer)
print(tokenizer.encode({text!r}).tokens)"""
    return blocks.code(with_lab, plain, "Show me the code that learns it")
