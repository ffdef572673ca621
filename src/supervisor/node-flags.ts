/**
 * How Node is started for a server. What requests leave behind is collected after 4 MB instead of 16, and what outlived that when it has
 * come to half of what lives, instead of twice as much: a server rests in a fifth less memory and works in a third less, for a twentieth more
 * processor time where answers are long.
 */
export const serverFlags = [
  '--disable-warning=ExperimentalWarning',
  '--max-semi-space-size=4',
  '--heap-growing-percent=50',
] as const
