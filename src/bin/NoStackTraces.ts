/**
 * Errors are told by their messages in the generator: where thousands are made, their traces would take the most of the
 * time. Imported before all else, since Effect makes one already when it is loaded.
 */
Error.stackTraceLimit = 0
