/**
 * Turns off stack traces. The generator reports errors by their messages, and with thousands of errors the traces
 * would take most of its time. This module is imported first, because Effect creates an error while it is loaded.
 */
Error.stackTraceLimit = 0
