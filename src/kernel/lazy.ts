/** What is made when it is first asked for, and then kept. */
export function lazy<Made extends object>(make: () => Made): () => Made {
  let made: Made | undefined
  return () => (made ??= make())
}
