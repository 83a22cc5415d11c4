"""What the pages ask of models: words for a gap, texts, surprise, and a look inside.

    request, a frozen dataclass -> function(models, request) -> dicts that JSON can hold, one after another

requests   what is asked, and every dict that is yielded; loads no torch
models     the opened runs, by number
gaps       the masked word: every model over one list of words
chances    what one model gives words in a gap          proposals  the words that it would put there itself
writing    texts, token by token          surprise   how likely a text is          inside   embeddings, attention, judge
sentences  sentences with a gap

Each step of a generator is a small piece of computing, so that several take turns in one thread; none holds
`inference_mode`, autocast or a lock while it waits for its turn.
"""
