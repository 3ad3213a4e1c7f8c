import type { ReactNode } from 'react'

/** A line of a log with the colours that its program asked for; nothing else of what drives a terminal is done. */
export function plainOf(text: string): ReactNode {
  if (!text.includes('\u001b')) return text
  const parts: ReactNode[] = []
  let tone = ''
  let from = 0
  for (const found of text.matchAll(/\u001b\[([0-9;]*)m|\u001b\[[0-9;?]*[A-Za-z]|\u001b./g)) {
    push(parts, text.slice(from, found.index), tone)
    from = found.index + found[0].length
    if (found[1] !== undefined) tone = toneOf(found[1], tone)
  }
  push(parts, text.slice(from), tone)
  return parts
}

function push(parts: ReactNode[], text: string, tone: string): void {
  if (text) parts.push(tone ? <span key={parts.length} className={tone}>{text}</span> : text)
}

const TONES: Readonly<Record<string, string>> = {
  31: 'tone-bad',
  32: 'tone-good',
  33: 'tone-wait',
  34: 'tone-move',
  35: 'tone-move',
  36: 'tone-good',
  90: 'tone-quiet',
  91: 'tone-bad',
  92: 'tone-good',
  93: 'tone-wait',
  94: 'tone-move',
}

function toneOf(codes: string, before: string): string {
  let tone = before
  for (const each of (codes || '0').split(';')) {
    if (each === '0' || each === '39') tone = ''
    else tone = TONES[each] ?? tone
  }
  return tone
}
