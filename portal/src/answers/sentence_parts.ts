/** A piece of a sentence that the server says. */
export type SentencePart =
  | { readonly kind: 'text'; readonly text: string }
  /** A command, or a name as it is typed. */
  | { readonly kind: 'code'; readonly text: string }
  /** A moment, in milliseconds. */
  | { readonly kind: 'moment'; readonly at: number }

const PARTS = /`([^`]+)`|(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/g

/** A sentence with its commands and moments apart, so that they are shown as such. */
export function partsOf(sentence: string): readonly SentencePart[] {
  const found: SentencePart[] = []
  let from = 0
  for (const each of sentence.matchAll(PARTS)) {
    const at = each[2] === undefined ? Number.NaN : Date.parse(each[2])
    if (each[1] === undefined && Number.isNaN(at)) continue
    if (each.index > from) found.push({ kind: 'text', text: sentence.slice(from, each.index) })
    found.push(each[1] === undefined ? { kind: 'moment', at } : { kind: 'code', text: each[1] })
    from = each.index + each[0].length
  }
  if (from < sentence.length) found.push({ kind: 'text', text: sentence.slice(from) })
  return found
}
