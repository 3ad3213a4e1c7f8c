/**
 * A job file as text: values are found and changed where they stand, so that comments, order and whatever else somebody
 * has written stay as they are. Block mappings and flow mappings of one line are understood; what is written otherwise
 * is the server's to read, and stays untouched here.
 */

/** Where a value stands: from its first letter to behind its last. */
interface Span {
  readonly from: number
  readonly to: number
}

interface Entry {
  /** Of the whole line, with its line break. */
  readonly line: Span
  readonly key: string
  readonly indent: number
  /** Behind the colon, without a comment. */
  readonly value: Span
  /** Lines below it that belong to it. */
  readonly below: Span
}

const KEY = /^(\s*)(?:([A-Za-z_][\w.-]*)|"([^"]*)")\s*:(?=\s|$)/

/** Entries of the first job of a text that stand below each other from one place on, with one indentation. */
function entries(text: string, { from, to }: Span): readonly Entry[] {
  const found: Entry[] = []
  let indent = -1
  for (let at = from; at < to; ) {
    const end = Math.min(to, (text.indexOf('\n', at) + 1 || to + 1))
    const line = text.slice(at, end)
    if (/^---/.test(line) && found.length) break
    const key = KEY.exec(line)
    const deep = /^\s*/.exec(line)?.[0].replace(/\r?\n/, '').length ?? 0
    const blank = /^\s*(#.*)?$/.test(line.trimEnd())
    if (key && !blank && (indent < 0 || deep === indent)) {
      indent = deep
      const begin = at + key[0].length
      found.push({ line: { from: at, to: end }, key: key[2] ?? key[3] ?? '', indent, value: valueIn(text, begin, end), below: { from: end, to: end } })
    } else if (found.length && (blank || deep > indent || (deep === indent && line.trimStart().startsWith('- ')))) {
      const last = found.at(-1)
      if (last && !blank) found[found.length - 1] = { ...last, below: { from: last.below.from, to: end } }
    } else if (!blank && indent >= 0) break
    at = end
  }
  return found
}

/** What stands on a line behind a colon, without its comment and the blanks around it. */
function valueIn(text: string, from: number, to: number): Span {
  const said = text.slice(from, to)
  let end = said.length
  let quote = ''
  for (let at = 0; at < said.length; at += 1) {
    const letter = said[at] ?? ''
    if (quote) {
      if (letter === '\\' && quote === '"') at += 1
      else if (letter === quote) quote = ''
    } else if ((letter === '"' || letter === "'") && /[\s,[{:]/.test(said[at - 1] ?? ' ')) quote = letter
    else if (letter === '#' && /\s/.test(said[at - 1] ?? ' ')) {
      end = at
      break
    }
  }
  const whole = said.slice(0, end)
  const first = whole.length - whole.trimStart().length
  return whole.trim() ? { from: from + first, to: from + whole.trimEnd().length } : { from, to: from }
}

/** Parts of a flow collection, between its brackets, by the commas of its own level. */
function parts(text: string, { from, to }: Span): readonly Span[] {
  const found: Span[] = []
  let depth = 0
  let quote = ''
  let begin = from + 1
  for (let at = from + 1; at < to; at += 1) {
    const letter = text[at] ?? ''
    if (quote) {
      if (letter === '\\' && quote === '"') at += 1
      else if (letter === quote) quote = ''
    } else if (letter === '"' || letter === "'") quote = letter
    else if ('[{'.includes(letter)) depth += 1
    else if (depth && ']}'.includes(letter)) depth -= 1
    else if (!depth && (letter === ',' || at === to - 1)) {
      if (text.slice(begin, at).trim()) found.push(trimmed(text, begin, at))
      begin = at + 1
    }
  }
  return found
}

function trimmed(text: string, from: number, to: number): Span {
  const said = text.slice(from, to)
  return { from: from + said.length - said.trimStart().length, to: from + said.trimEnd().length }
}

const isFlow = (text: string, at: Span, open: string) => text[at.from] === open && text[at.to - 1] === (open === '{' ? '}' : ']')

interface Found {
  readonly value: Span
  /** What has to go where the value goes. */
  readonly whole: Span
}

function locate(text: string, path: readonly string[], within: Span = { from: 0, to: text.length }): Found | null {
  const [key, ...rest] = path
  const entry = entries(text, within).find((each) => each.key === key)
  if (!entry) return null
  const inline = entry.value.from < entry.value.to
  if (!rest.length) {
    const value = inline ? entry.value : trimmed(text, entry.below.from, entry.below.to)
    return { value, whole: { from: entry.line.from, to: Math.max(entry.line.to, entry.below.to) } }
  }
  if (!inline) return locate(text, rest, entry.below)
  return isFlow(text, entry.value, '{') ? locateFlow(text, rest, entry.value) : null
}

function locateFlow(text: string, path: readonly string[], within: Span): Found | null {
  const [key, ...rest] = path
  const all = parts(text, within)
  for (const [number, part] of all.entries()) {
    const found = /^(?:"([^"]*)"|'([^']*)'|([\w.-]+))\s*:\s*/.exec(text.slice(part.from, part.to))
    if (!found || (found[1] ?? found[2] ?? found[3]) !== key) continue
    const value = { from: part.from + found[0].length, to: part.to }
    if (rest.length) return isFlow(text, value, '{') ? locateFlow(text, rest, value) : null
    const next = all[number + 1]
    const before = all[number - 1]
    return { value, whole: next ? { from: part.from, to: next.from } : { from: before ? before.to : part.from, to: part.to } }
  }
  return null
}

/** The value that stands somewhere, as it is written; null where there is none. */
export function written(text: string, ...path: string[]): string | null {
  const found = locate(text, path)
  return found ? text.slice(found.value.from, found.value.to) : null
}

/** The same, without quotes. */
export function said(text: string, ...path: string[]): string | null {
  const found = written(text, ...path)
  return found === null ? null : unquoted(found)
}

function unquoted(text: string): string {
  if (/^".*"$/s.test(text)) {
    try {
      return String(JSON.parse(text))
    } catch {
      return text.slice(1, -1)
    }
  }
  return /^'.*'$/s.test(text) ? text.slice(1, -1).replaceAll("''", "'") : text
}

/** Words of a flow list of one line, or of a list with a line for each; null where it is none. */
export function wordsOf(text: string, ...path: string[]): readonly string[] | null {
  const found = locate(text, path)
  if (!found) return null
  const { value } = found
  if (isFlow(text, value, '[')) return parts(text, value).map((each) => unquoted(text.slice(each.from, each.to)))
  const lines = text.slice(value.from, value.to).split('\n')
  return lines.every((each) => /^\s*- /.test(each)) ? lines.map((each) => unquoted(each.replace(/^\s*- /, '').trim())) : null
}

/** A scalar as YAML takes it for this text. */
export function scalar(value: string): string {
  return /^[A-Za-z0-9_./][\w./@%+=: -]*$/.test(value) && !/[:#] |: ?$| #|\s$/.test(value) && !/^(true|false|yes|no|on|off|null|~)$/i.test(value) ? value : JSON.stringify(value)
}

export function flowList(words: readonly string[]): string {
  return `[${words.map((each) => (/[,[\]{}]/.test(each) ? JSON.stringify(each) : scalar(each))).join(', ')}]`
}

/** The text with another value there, written as YAML has it; null takes it out. Everything else stays as it is. */
export function withValue(text: string, path: readonly string[], value: string | null): string {
  const found = locate(text, path)
  if (found) {
    if (value === null) return text.slice(0, found.whole.from) + text.slice(found.whole.to)
    if (text.slice(found.value.from, found.value.to) === value) return text
    // What stood on lines below goes onto the key's own.
    const below = text.slice(0, found.value.from).lastIndexOf('\n') >= found.whole.from
    if (below) {
      const colon = text.indexOf(':', found.whole.from)
      return `${text.slice(0, colon + 1)} ${value}\n${text.slice(found.whole.to)}`
    }
    return text.slice(0, found.value.from) + value + text.slice(found.value.to)
  }
  return value === null ? text : inserted(text, path, value)
}

function inserted(text: string, path: readonly string[], value: string): string {
  for (let depth = path.length - 1; depth > 0; depth -= 1) {
    const parent = locate(text, path.slice(0, depth))
    if (!parent) continue
    const rest = path.slice(depth)
    const { value: at } = parent
    if (isFlow(text, at, '{')) {
      const empty = parts(text, at).length === 0
      return `${text.slice(0, at.to - 1)}${empty ? '' : ', '}${flowOf(rest, value)}${text.slice(at.to - 1)}`
    }
    if (text.slice(0, at.from).lastIndexOf('\n') >= parent.whole.from) {
      const indent = /(^|\n)([ ]*)$/.exec(text.slice(0, at.from))?.[2] ?? '  '
      return lineAfter(text, parent.whole.to, `${indent}${rest[0]}: ${rest.length > 1 ? `{${flowOf(rest.slice(1), value)}}` : value}`)
    }
    // A short form, such as `run: train.py`: the whole takes its place.
    return text.slice(0, at.from) + `{${flowOf(rest, value)}}` + text.slice(at.to)
  }
  const [first = '', ...rest] = path
  const end = entries(text, { from: 0, to: text.length }).at(-1)
  return lineAfter(text, end ? Math.max(end.line.to, end.below.to) : text.length, `${first}: ${rest.length ? `{${flowOf(rest, value)}}` : value}`)
}

function flowOf([first = '', ...rest]: readonly string[], value: string): string {
  return `${first}: ${rest.length ? `{${flowOf(rest, value)}}` : value}`
}

function lineAfter(text: string, at: number, line: string): string {
  const before = text.slice(0, at)
  return `${before}${before && !before.endsWith('\n') ? '\n' : ''}${line}\n${text.slice(at)}`
}
