/** Letters of a name's end that are always seen. */
const END = 9

/** A name as the part that may be cut, and its end, which may not; what is short has no end. */
export function parted(name: string): readonly [string, string] {
  if (name.length < END + 5) return [name, '']
  // An end that is a word of its own is easier to read than one that begins within a word.
  const word = name.lastIndexOf('-', name.length - 4)
  const at = word >= name.length - END - 3 ? word : name.length - END
  return [name.slice(0, at), name.slice(at)]
}
