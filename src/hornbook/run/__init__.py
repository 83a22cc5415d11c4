"""Runs: recipe -> text -> tokens -> model -> training -> result, all in one directory.

    pretrain   the whole path, and going on with it      resolve, calibrate, memory_fit   what a recipe leaves open
    directory  every name in a run's directory           build, warm_start, imported      the parts, first weights

It knows objectives only by what they say of themselves.
"""
