import { momentsIn } from '../words/moments'

/** A piece of a sentence that the server says. */
export type SentencePart =
  | { readonly kind: 'text'; readonly text: string }
  /** A command, or a name as it is typed. */
  | { readonly kind: 'code'; readonly text: string }
  /** A moment, in milliseconds. */
  | { readonly kind: 'moment'; readonly at: number }

/** A sentence with its commands and moments apart, so that they are shown as such. */
export function partsOf(sentence: string): readonly SentencePart[] {
  return sentence.split(/`([^`]+)`/).flatMap((part, number): SentencePart[] => {
    if (number % 2) return [{ kind: 'code', text: part }]
    return momentsIn(part).map((each): SentencePart => (typeof each === 'number' ? { kind: 'moment', at: each } : { kind: 'text', text: each }))
  })
}
