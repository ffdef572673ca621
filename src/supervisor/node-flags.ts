/**
 * How Node is started for a server. What requests leave behind is collected after 4 MB instead of 16: a server rests in a fifth less memory, and
 * under load in a third less, for the same processor time.
 */
export const serverFlags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=4'] as const
