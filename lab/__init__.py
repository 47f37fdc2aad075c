"""The steps of masked language modelling, one module a step: each is plain functions, data in and new data out.

    corpus → tokenization → chunking → masking → training → evaluation → fill_mask

Nothing is imported here, so that `import lab.tokenization` costs no torch.
"""
