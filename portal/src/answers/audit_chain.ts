/** A line of the trail's export, as far as its digest covers it. */
export interface ChainLine {
  readonly number: number
  readonly atMilliseconds: number
  readonly who: string
  readonly callerKind: string
  readonly from: string
  readonly verb: string
  readonly outcome: string
  readonly subject: string
  readonly name: string
  readonly team: string
  readonly why: string
  readonly details: readonly { readonly name: string; readonly value: string }[]
  readonly previous: string
  readonly digest: string
  /** Of an entry that cannot be read: why; then all else is absent. */
  readonly damaged?: string
}

/** What came of going along the chain. */
export interface ChainVerdict {
  readonly entries: number
  /** Of the newest entry; empty where there is none. */
  readonly digest: string
  /** Entries that are not as they were written, are missing, or stand elsewhere. */
  readonly breaks: readonly { readonly number: number; readonly said: string }[]
}

/** How far the trail went when somebody began to go along it. */
export interface Head {
  readonly number: number
  readonly digest: string
}

const DOMAIN = 'allotment audit 1'

/**
 * Goes along an export from its first entry: each names the digest of the one before, and has its own, over all that it
 * says. The same as `allot audit verify` does; who could write all of the store is found by heads that stand elsewhere alone.
 *
 * @param head - what the trail has to lead through.
 * @throws {SyntaxError} a line is no JSON.
 */
export async function alongChain(lines: AsyncIterable<string>, head: Head, heard: (entries: number) => void): Promise<ChainVerdict> {
  const breaks: { number: number; said: string }[] = []
  let previous = await hexOf(new TextEncoder().encode(DOMAIN))
  let digest = ''
  let number = 0
  for await (const line of lines) {
    const entry = JSON.parse(line) as ChainLine
    const said = entry.number !== number + 1 ? `entry ${number + 1} is missing` : (entry.damaged ?? (await wrong(entry, previous)))
    if (said) breaks.push({ number: entry.number, said })
    else if (entry.number === head.number && entry.digest !== head.digest) breaks.push({ number: entry.number, said: 'its head was another when this began' })
    // From a break on, what follows is held against what the entry says of itself: one fault is told once.
    ;({ number } = entry)
    previous = digest = entry.digest ?? ''
    if (number % 500 === 0) heard(number)
  }
  if (number < head.number) breaks.push({ number: number + 1, said: `it ends here, and its head was entry ${head.number}` })
  return { entries: number, digest, breaks }
}

async function wrong(entry: ChainLine, previous: string): Promise<string> {
  if (previous && entry.previous !== previous) return 'it does not follow the entry before it'
  return (await digestOf(entry)) === entry.digest ? '' : 'it is not as it was written'
}

/** SHA-256 over all fields, each with its length in eight bytes before it. */
export async function digestOf(entry: ChainLine): Promise<string> {
  const fields = [
    entry.previous, String(entry.number), String(entry.atMilliseconds), entry.who, entry.callerKind, entry.from, entry.verb, entry.outcome,
    entry.subject, entry.name, entry.team, entry.why, ...entry.details.flatMap((each) => [each.name, each.value]),
  ]
  const parts = [new TextEncoder().encode(DOMAIN), ...fields.flatMap((each) => withLength(bytesOf(each)))]
  const whole = new Uint8Array(parts.reduce((sum, each) => sum + each.length, 0))
  let at = 0
  for (const each of parts) {
    whole.set(each, at)
    at += each.length
  }
  return await hexOf(whole)
}

function withLength(data: Uint8Array): readonly Uint8Array[] {
  const length = new Uint8Array(8)
  new DataView(length.buffer).setBigUint64(0, BigInt(data.length))
  return [length, data]
}

/** UTF-8; half a pair, which has no such bytes and may stand in what somebody typed, as three bytes of its own. */
function bytesOf(text: string): Uint8Array {
  if (!/\p{Surrogate}/u.test(text)) return new TextEncoder().encode(text)
  const parts = [...text].map((each) => {
    const code = each.codePointAt(0) ?? 0
    return code >= 0xd800 && code <= 0xdfff ? Uint8Array.of(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)) : new TextEncoder().encode(each)
  })
  return Uint8Array.from(parts.flatMap((each) => [...each]))
}

async function hexOf(data: Uint8Array): Promise<string> {
  const found = await crypto.subtle.digest('SHA-256', data as Uint8Array<ArrayBuffer>)
  return [...new Uint8Array(found)].map((each) => each.toString(16).padStart(2, '0')).join('')
}

/** Text that comes in parts, line by line; the last may be without its end. */
export async function* linesOf(parts: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = ''
  for await (const part of parts) {
    const lines = (rest + part).split('\n')
    rest = lines.pop() ?? ''
    for (const each of lines) if (each) yield each
  }
  if (rest) yield rest
}
