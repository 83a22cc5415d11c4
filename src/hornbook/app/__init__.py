"""The pages in the browser: one server on this machine, one shell, a tab for each of play, watch and course.

    browser -> guard -> endpoints of the pages -> Reply: a quick answer from a thread
                                               -> Stream: turns of the one worker thread

endpoints  what a page is: its name, what it answers, what it streams
bodies     requests as frozen dataclasses, read strictly
guard      who may ask: Host, Origin, the code, sizes; the headers of every answer
login      the code, and how the browser gets it without a word in an address
worker     generators in turn, a step each, in one thread
streaming  what a generator yields as lines of JSON, until the reader goes
server     all of it as one application, and its life from the first line to Ctrl-C
manners    how the server makes room while a model trains on the same machine
static     the shell, its looks, and the libraries of the browser with their hashes and licences
"""
