"""Models and Hugging Face: families read in both directions, weights bitwise, logits equal.

    folder of transformers -> import_hf -> ModelConfig, tensors      tensors -> export_hf, gguf -> folder, file

What a class of transformers cannot hold is refused in words. It never trains and never changes a weight.
"""
