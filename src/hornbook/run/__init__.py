"""Runs: recipe -> text -> tokens -> model -> training -> result, all in one directory.

    pretrain   the whole path, and going on with it      settle     what a recipe leaves open
    training   the loop of a settled run, its result     build, warm_start, imported   the parts, first weights
    directory  every name in a run's directory           measure, answer, card         numbers of a run

It knows objectives only by what they say of themselves.
"""
