/** How bad a line of a log is, the worst first. */
export const LEVELS = ['error', 'warning', 'info', 'debug'] as const
export type Level = (typeof LEVELS)[number]

const WORDS: Readonly<Record<string, Level>> = {
  fatal: 'error',
  critical: 'error',
  panic: 'error',
  error: 'error',
  err: 'error',
  exception: 'error',
  warning: 'warning',
  warn: 'warning',
  info: 'info',
  notice: 'info',
  debug: 'debug',
  trace: 'debug',
}
const LETTERS: Readonly<Record<string, Level>> = { F: 'error', E: 'error', W: 'warning', I: 'info', D: 'debug' }

/** Where a level stands: as a word by itself near the beginning, as a field, or as klog has it, before the date. */
const KLOG = /^([FEWID])\d{4} \d\d:\d\d:\d\d/
const FIELD = /\b(?:level|lvl|severity)"?\s*[=:]\s*"?([a-z]+)/i
const WORD = /(?:^|[\s[(|:])(FATAL|CRITICAL|PANIC|ERROR|ERR|WARNING|WARN|INFO|NOTICE|DEBUG|TRACE|[A-Z]\w*(?:Error|Exception)(?=:))(?=$|[\s\])|:])/
/** Letters at the beginning of a line in which a level is looked for. */
const NEAR = 80

/** The level that a line tells of; null where it tells of none. */
export function levelOf(text: string): Level | null {
  const klog = KLOG.exec(text)
  if (klog) return LETTERS[klog[1] ?? ''] ?? null
  const field = FIELD.exec(text)
  if (field) return WORDS[(field[1] ?? '').toLowerCase()] ?? null
  const word = WORD.exec(text.slice(0, NEAR).replaceAll(/\u001b\[[0-9;]*m/g, ''))?.[1]
  if (!word) return null
  return WORDS[word.toLowerCase()] ?? 'error'
}

/** Lines that are as bad as that, or worse; what tells of no level goes with the line before it, as a stack does. */
export function asBadAs<L extends { readonly text: string }>(lines: readonly L[], least: Level): readonly L[] {
  const most = LEVELS.indexOf(least)
  let goes = false
  return lines.filter((each) => {
    const level = levelOf(each.text)
    if (level) goes = LEVELS.indexOf(level) <= most
    return goes
  })
}
