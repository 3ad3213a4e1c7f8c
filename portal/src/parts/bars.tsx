import type { ReactNode } from 'react'
import { allOf, type Amounts, KIND_WORDS, KINDS, type SlotKind } from '../answers/slots'
import { count } from '../words/format'

/** A square as the picture of the fleet has it: each kind has a colour and a pattern. */
export function Swatch({ kind }: { kind: SlotKind }) {
  return <span className={`swatch kind-${kind}`} aria-hidden="true" />
}

/** What the colours and patterns of bars mean, of kinds that occur. */
export function KindLegend({ amounts, children }: { amounts: Amounts; children?: ReactNode }) {
  return (
    <div className="note legend">
      {KINDS.filter((each) => amounts[each] > 0).map((each) => (
        <span key={each} className="state" title={KIND_WORDS[each].means}>
          <Swatch kind={each} />
          {KIND_WORDS[each].word}
        </span>
      ))}
      {children}
    </div>
  )
}

interface KindBarProps {
  readonly amounts: Amounts
  readonly tall?: boolean
  /** How many devices the whole width stands for, where several bars have one scale. */
  readonly most?: number
}

/** Devices by what becomes of them, side by side; the words stand in its name and beside it. */
export function KindBar({ amounts, tall = false, most }: KindBarProps) {
  const there = KINDS.filter((kind) => amounts[kind] > 0)
  const said = there.map((kind) => `${count(amounts[kind])} ${KIND_WORDS[kind].word}`).join(', ') || 'nothing'
  return (
    <span className={tall ? 'kinds tall' : 'kinds'} style={most ? { width: `${(100 * allOf(amounts)) / most}%` } : undefined} role="img" aria-label={said} title={said}>
      {there.map((kind) => (
        <span key={kind} className={`kind-${kind}`} style={{ flexGrow: amounts[kind] }} />
      ))}
    </span>
  )
}

/** How much of a quota is used, and how much of that is borrowed; the mark is where the guarantee ends. */
export function QuotaBar({ nominal, used, limit }: { nominal: number; used: number; limit: number | null }) {
  const most = Math.max(limit ?? 0, nominal, used, 1)
  const part = (value: number) => `${(100 * value) / most}%`
  const own = Math.min(used, nominal)
  return (
    <span className="quota" role="img" aria-label={`${count(used)} used of ${count(nominal)} guaranteed`}>
      <span className="own" style={{ width: part(own) }} />
      <span className="over" style={{ left: part(own), width: part(used - own) }} />
      {nominal < most && <span className="mark-at" style={{ left: part(nominal) }} />}
    </span>
  )
}

/** Percentages from which a limit has an alarm. */
const ALARMS_AT = [60, 80, 95]

/** How much of a limit is used; marks are where its alarms begin. */
export function LimitBar({ percent, tone }: { percent: number; tone: string }) {
  return (
    <span className="share limit" role="img" aria-label={`${percent.toFixed(1)} %`}>
      <span className={`fill tone-${tone}`} style={{ width: `${Math.min(100, percent)}%` }} />
      {ALARMS_AT.map((each) => (
        <span key={each} className="mark-at" style={{ left: `${each}%` }} />
      ))}
    </span>
  )
}

/** A share of a whole, with the number beside it. */
export function ShareBar({ share, tone = 'quiet' }: { share: number; tone?: string }) {
  return (
    <span className="share" role="img" aria-label={`${(share * 100).toFixed(1)} %`}>
      <span className={`fill tone-${tone}`} style={{ width: `${Math.min(100, share * 100)}%` }} />
    </span>
  )
}
