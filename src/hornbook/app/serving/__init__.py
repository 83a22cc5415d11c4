"""One server on this machine for all pages: who may ask, what is answered at once, what is streamed.

    browser -> guard -> endpoints of the pages -> Reply: a quick answer from a thread
                                               -> Stream: turns of the one worker thread

endpoints  what a page is: its name, what it answers, what it streams
bodies     requests as frozen dataclasses, read strictly
guard      who may ask: Host, Origin, the code, sizes; the headers of every answer
login      the code, and how the browser gets it without a word in an address
worker     generators in turn, a step each, in one thread, which makes room for a training on the same machine
streaming  what a generator yields as lines of JSON, until the reader goes
site       the addresses of all pages
server     the application, and its life from a free port to Ctrl-C
options    where and to whom it is served
faults     what an error is to the browser
"""
