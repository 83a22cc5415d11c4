"""The pages in the browser: one shell, a tab for each of play, watch and course.

tabs      which tabs a command's pages have
play      the playground; what asks models is in spoken/, pictures has the corruption viewer
watch     runs and studies as they go: watched reads a run, by tail and lines; thinning and pictured make its curves
course    the chapters, exercises and the quiz
serving/  the server: guard, worker, streams
static/   the shell, its looks, and the libraries of the browser with their hashes and licences
"""
