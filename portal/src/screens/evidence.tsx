import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { guaranteedIn, needBars, needWords } from '../answers/need_bars'
import { workNamed } from '../answers/work_name'
import { declaredTeams } from '../answers/queries'
import { whoami } from '../api/queries'
import type { Effect, ForeseenChange, TimelineStep, ToldRequest } from '../api/schema'
import { Moment } from '../parts/moment'
import { Sentence } from '../parts/sentence'
import { Glyph } from '../parts/state'
import { useMay } from '../store/may'
import { count, plural, span } from '../words/format'
import type { Shape, Tone } from '../words/states'
import { usualView } from './filters'

/** What the team has held of late beside what it has and asks for, as bars of one scale. */
export function Need({ told }: { told: ToldRequest }) {
  const { need, request } = told
  const mayRead = useMay('read')
  const me = useQuery(whoami).data
  const teams = useQuery({ ...declaredTeams({ view: usualView(me) }), enabled: mayRead }).data?.document.items
  const lacks = unknownOfNeed(told.unknown)
  const gap = lacks && <p className="faint">Not known: {lacks}.</p>
  if (!need) return gap || null
  const bars = needBars(need, request.terms, guaranteedIn(request.terms, teams?.find((each) => each.name === request.wish.team)))
  const most = Math.max(1, ...bars.map((each) => each.devices))
  return (
    <>
      <h3 className="of-chart">Devices that the team held, has and asks for</h3>
      <table className="chart" aria-label="Devices that the team held, has and asks for">
        <tbody>
          {bars.map((each) => (
            <tr key={each.said}>
              <th scope="row">{each.said}</th>
              <td>
                <span className={`beam ${each.kind}`} style={{ width: `${(100 * each.devices) / most}%` }} />
              </td>
              <td className="number">{count(each.devices)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="faint">
        In the last {plural(need.days, 'day')}: {needWords(need)}.
      </p>
      {gap}
    </>
  )
}

/** Whether a piece of work waits longer with what is asked for. */
export function waitsLonger(each: Effect): boolean {
  return each.before !== null && (each.after === null || each.after > each.before)
}

/** Each piece of work that waits: how long without this, and how much longer, or less, with it. */
export function Effects({ of, most = Number.POSITIVE_INFINITY }: { of: readonly Effect[]; most?: number }) {
  const worst = Math.max(1, ...of.map((each) => Math.max(each.before ?? 0, each.after ?? 0)))
  const beyond = of.some((each) => each.before === null || each.after === null)
  const scale = beyond ? worst * 1.25 : worst
  const part = (seconds: number | null) => (100 * (seconds ?? scale)) / scale
  return (
    <>
      <h3 className="of-chart">How long work of others waits without it and with it</h3>
      <table className="chart effects" aria-label="How long work of others waits without it and with it">
        <tbody>
          {of.slice(0, most).map((each, number) => (
            <tr key={`${each.team}/${each.work}/${number}`}>
              <th scope="row">
                <span title={each.work}>{workNamed(each.work).name || 'work'}</span> <span className="faint">{each.team}</span>
              </th>
              <td>
                <span className="beam-over">
                  <span className="beam held" style={{ width: `${part(least(each))}%` }} />
                  <span className={waitsLonger(each) ? 'beam longer' : 'beam sooner'} style={{ width: `${part(largest(each)) - part(least(each))}%` }} />
                </span>
              </td>
              <td className="number">
                {waitSaid(each.before)} → <b className={waitsLonger(each) ? 'tone-wait' : 'tone-good'}>{waitSaid(each.after)}</b>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {of.length > most && <p className="faint">and {plural(of.length - most, 'other')}</p>}
    </>
  )
}

function least({ before, after }: Effect): number | null {
  return before === null ? after : after === null ? before : Math.min(before, after)
}

function largest({ before, after }: Effect): number | null {
  return before === null || after === null ? null : Math.max(before, after)
}

function waitSaid(seconds: number | null): string {
  return seconds === null ? 'not foreseen' : seconds ? span(seconds * 1000) : 'runs now'
}

/** What is not known of the waits of others; how little is known of the need is another matter. */
export function unknownOfWaits(unknown: string): string {
  return unknown.replace(NEED, '')
}

/** What is not known of the need. */
export function unknownOfNeed(unknown: string): string {
  return NEED.exec(unknown)?.[1] ?? ''
}

const NEED = /(?:^|; )need: (.*)$/s

/** Who waits longer, and who less, in a sentence. */
export function effectWords(told: Pick<ToldRequest, 'effects' | 'unknown'>): string {
  const longer = told.effects.filter(waitsLonger).length
  const sooner = told.effects.length - longer
  if (!told.effects.length) return unknownOfWaits(told.unknown) ? 'Who waits longer is not known.' : 'Nobody waits longer.'
  return `${longer ? `${plural(longer, 'piece')} of work ${longer === 1 ? 'waits' : 'wait'} longer` : 'Nobody waits longer'}${sooner ? `, ${count(sooner)} less long` : ''}.`
}

/** What is left as it is where a request comes to nothing, in a sentence. */
export function noEffectWords({ effects, unknown }: Pick<ToldRequest, 'effects' | 'unknown'>): string {
  const longer = effects.filter(waitsLonger).length
  if (!effects.length && unknownOfWaits(unknown)) return 'Nobody loses anything; who would have waited longer with it is not known.'
  return longer ? `Nobody loses anything, and ${plural(longer, 'piece')} of work of others ${longer === 1 ? 'does' : 'do'} not wait longer.` : 'Nobody loses anything by it.'
}

/** What a request makes of the platform directory, and how much it makes in each cluster. */
export function Change({ of }: { of: ForeseenChange }) {
  return (
    <>
      {of.isolation && <p className="pad faint">Isolated by {of.isolation}</p>}
      <Warnings of={of.warnings} />
      {of.made.length > 0 && (
        <dl className="facts pad">
          {of.made.map((each) => (
            <div key={each.cluster} style={{ display: 'contents' }}>
              <dt>{each.cluster}</dt>
              <dd>{each.kinds.map(([kind, number]) => `${count(Number(number))} ${kind}`).join(', ')}</dd>
            </div>
          ))}
        </dl>
      )}
      <pre className="diff" role="region" aria-label="Diff of the platform directory" tabIndex={0}>
        {of.diff.split('\n').map((line, number) => (
          <span key={number} className={diffClass(line)}>
            {line}
            {'\n'}
          </span>
        ))}
      </pre>
    </>
  )
}

/** What the directory's rules say against it; several are folded up, so that the difference is in sight. */
function Warnings({ of }: { of: readonly string[] }) {
  if (!of.length) return null
  const list = (
    <ul className="warnings">
      {of.map((each) => (
        <li key={each} className="state tone-wait">
          <Glyph shape="half" tone="wait" />
          <span>
            <Sentence of={each} />
          </span>
        </li>
      ))}
    </ul>
  )
  if (of.length === 1) return list
  return (
    <details className="file">
      <summary className="tone-wait">{plural(of.length, 'warning')} of the platform directory</summary>
      {list}
    </details>
  )
}

function diffClass(line: string): string {
  if (line.startsWith('+++') || line.startsWith('---') || line.startsWith('@@')) return 'file-line'
  return line.startsWith('+') ? 'added' : line.startsWith('-') ? 'taken' : ''
}

const OUTCOMES: Readonly<Record<TimelineStep['outcome'], readonly [Shape, Tone, string]>> = {
  done: ['check', 'good', 'done'],
  failed: ['cross', 'bad', 'failed, and is tried again'],
  waits: ['half', 'wait', 'waits'],
}

export const STEPS_OF_TEAM = ['commit', 'apply', 'prove'] as const
export const STEPS_OF_LEAVING = [
  'commit', 'withdraw requests', 'end grants', 'stop jobs', 'revoke access', 'apply', 'prove', 'take out of the directory', 'delete data',
] as const

interface StepsProps {
  readonly steps: readonly TimelineStep[]
  /** All there are, in their order: those to come are shown, too. */
  readonly all: readonly string[]
  readonly children?: ReactNode
}

/** What is done for a team that comes or leaves, as it goes on. */
export function Steps({ steps, all, children }: StepsProps) {
  const names = [...all, ...steps.map((each) => each.name).filter((each) => !all.includes(each))]
  const next = names.find((name) => steps.find((each) => each.name === name)?.outcome !== 'done')
  return (
    <ol className="timeline" aria-label="Timeline">
      {names.map((name) => {
        const step = steps.find((each) => each.name === name)
        const [shape, tone, word] = step ? OUTCOMES[step.outcome] : name === next ? (['half', 'move', 'is next'] as const) : (['ring', 'quiet', 'to come'] as const)
        return (
          <li key={name}>
            <Glyph shape={shape} tone={tone} />
            {step ? <Moment at={step.at} /> : <span />}
            <span className="anywhere">
              <strong>{name}</strong> <span className={`tone-${tone}`}>{word}</span>
              {step && step.tries > 1 && <span className="faint"> after {plural(step.tries, 'try', 'tries')}</span>}
              {step?.said && <span className="faint"> · {step.said}</span>}
            </span>
          </li>
        )
      })}
      {children}
    </ol>
  )
}
