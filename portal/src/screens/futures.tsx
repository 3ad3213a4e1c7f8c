import { Link } from '@tanstack/react-router'
import { type RefObject, useLayoutEffect, useRef, useState } from 'react'
import { changeOf, moveOf, movesOf, type Starts, startsOver, waitsOf } from '../answers/futures'
import type { ChangedJob, NamedWork, WhatIf } from '../answers/documents'
import type { Told } from '../answers/queries'
import { lackingOf } from '../parts/answer'
import { type Column, Grid } from '../parts/grid'
import { State } from '../parts/state'
import { Work } from '../parts/work'
import { count, plural, span } from '../words/format'
import { BASIS, MOVE } from '../words/moves'

const MOST = 10_000

/** Numbers of both futures: whom it displaces, who waits longer, who less. */
export function Sums({ told }: { told: WhatIf }) {
  const { starts, sooner, later, displaced } = movesOf(told)
  const figure = (number: number, said: string, tone: string) => (
    <div className="figure">
      <b className={number ? `tone-${tone}` : 'faint'}>{count(number)}</b>
      <span>{said}</span>
    </div>
  )
  return (
    <div className="figures">
      {figure(displaced, displaced === 1 ? 'loses its quota at once' : 'lose their quota at once', 'bad')}
      {figure(later, later === 1 ? 'waits longer' : 'wait longer', 'wait')}
      {figure(starts, starts === 1 ? 'starts now that did not' : 'start now that did not', 'good')}
      {figure(sooner, sooner === 1 ? 'starts sooner' : 'start sooner', 'good')}
    </div>
  )
}

/** What the sums rest on, in a sentence. */
export function Rests({ told }: { told: WhatIf }) {
  const known = BASIS[told.basis]
  const short = told.horizonSeconds !== null
  const looked = short ? ` of the next ${span((told.horizonSeconds ?? 0) * 1000)} (too much waits to look further)` : ''
  const played = told.futures
    ? `medians of ${plural(told.futures, 'future')}${looked}, each played with and without the change; for ${plural(told.unchanged, 'job')} nothing changes${short ? ' by then' : ''}`
    : `no wait in a queue is changed; ${plural(told.unchanged, 'job waits', 'jobs wait')} as before`
  return <p className="faint">{known ?? played}</p>
}

/** Work that runs and would lose its quota at once. */
export function Displaced({ work }: { work: readonly NamedWork[] }) {
  if (!work.length) return null
  return (
    <details className="file" open={work.length <= 5}>
      <summary className="tone-bad">{plural(work.length, 'piece')} of running work {work.length === 1 ? 'loses its' : 'lose their'} quota at once</summary>
      <ul className="names">
        {work.slice(0, 100).map((each) => (
          <li key={`${each.namespace}/${each.name}`}>
            {each.name} <span className="faint">in {each.namespace}</span>
          </li>
        ))}
        {work.length > 100 && <li className="faint">and {count(work.length - 100)} more</li>}
      </ul>
    </details>
  )
}

const keyOf = ({ job }: ChangedJob) => `${job.kind}/${job.namespace}/${job.name}`

/** Who starts when, as things are and with the change. */
export function WhoStarts({ jobs }: { jobs: readonly ChangedJob[] }) {
  return <Grid label="Who starts when" rows={jobs.slice(0, MOST)} columns={COLUMNS} keyOf={keyOf} usual="change" />
}

/** How much of a list is shown. */
export function cutOf(jobs: readonly ChangedJob[]): string | null {
  return jobs.length > MOST ? `the first ${count(MOST)} of ${count(jobs.length)}` : null
}

const ORDER = ['stops', 'later', 'starts', 'sooner', 'same']

const COLUMNS: readonly Column<ChangedJob>[] = [
  {
    id: 'job',
    head: 'Job',
    sort: (each) => each.job.name,
    cell: ({ job }) => (
      <>
        <Work of={`${job.kind}/${job.name}`} /> <span className="faint">{job.namespace}</span>
      </>
    ),
    title: ({ job }) => `${job.kind} ${job.namespace}/${job.name}`,
  },
  {
    id: 'queue',
    head: 'Queue',
    width: '18%',
    roomy: true,
    sort: (each) => each.queue,
    cell: (each) => (
      <Link to="/queues" search={{ q: each.queue }}>
        {each.queue}
      </Link>
    ),
  },
  {
    id: 'now',
    head: 'As it is',
    width: '104px',
    number: true,
    sort: (each) => waitsOf(each).now,
    cell: (each) => <Wait seconds={waitsOf(each).now} runs={each.runsBefore} />,
  },
  {
    id: 'then',
    head: 'With the change',
    width: '124px',
    number: true,
    sort: (each) => waitsOf(each).then,
    cell: (each) => <Wait seconds={waitsOf(each).then} runs={each.runsAfter} />,
  },
  {
    id: 'change',
    head: 'By how much',
    width: '112px',
    number: true,
    roomy: true,
    // The greatest change first, whichever way it goes.
    sort: (each) => -Math.abs(changeOf(each) ?? (moveOf(each) === 'same' ? 0 : Number.MAX_SAFE_INTEGER)),
    cell: (each) => <By seconds={changeOf(each)} />,
  },
  {
    id: 'move',
    head: 'So it',
    width: '160px',
    sort: (each) => ORDER.indexOf(moveOf(each)),
    cell: (each) => <State of={MOVE[moveOf(each)]} />,
    title: (each) => (each.keptThen ? `gets its quota, and then waits: ${each.keptThen.summary}` : ''),
  },
]

/** How long somebody waits for quota. */
export function Wait({ seconds, runs = null }: { seconds: number | null; runs?: boolean | null }) {
  if (seconds === null) return <span className="faint">not in sight</span>
  if (seconds > 0) return <>{span(seconds * 1000)}</>
  return runs === false ? <span className="tone-wait">no node</span> : <span className="tone-good">now</span>
}

export function By({ seconds }: { seconds: number | null }) {
  if (seconds === null) return <span className="faint">–</span>
  if (!seconds) return <span className="faint">0 s</span>
  return <span className={seconds < 0 ? 'tone-good' : 'tone-wait'}>{seconds < 0 ? '−' : '+'}{span(Math.abs(seconds) * 1000)}</span>
}

/** What of an answer about futures is not known. */
export function unknownOf(told: Told<WhatIf>): string | null {
  return lackingOf(told.sources, told.document.notes)
}

/** Where nobody has measured yet how wide it is. */
const USUAL_WIDTH = 960
const HEIGHT = 200
const LEFT = 48
const BOTTOM = 24

/** How many have started by when: the future as it is is dashed, the one with the change is solid. */
export function StartsChart({ jobs }: { jobs: readonly ChangedJob[] }) {
  const [figure, width] = useWidth()
  const { now, then, of } = startsOver(jobs)
  const last = Math.max(now.at(-1)?.[0] ?? 0, then.at(-1)?.[0] ?? 0)
  if (!of || !last) return null
  const x = (seconds: number) => LEFT + (seconds / last) * (width - LEFT - 8)
  const y = (number: number) => HEIGHT - BOTTOM - (number / of) * (HEIGHT - BOTTOM - 12)
  const half = (steps: Starts) => steps.filter(([at]) => at <= last / 2).at(-1)?.[1] ?? 0
  const said = `Of ${of} whose start is in sight, after ${span((last / 2) * 1000)} so many have started: ${half(now)} as it is, ${half(then)} with the change`
  return (
    <figure className="starts" ref={figure}>
      <svg viewBox={`0 0 ${width} ${HEIGHT}`} role="img" aria-label={said}>
        {[...new Set([0, Math.round(of / 2), of])].map((number) => (
          <g key={number} className="rule">
            <line x1={LEFT} x2={width - 8} y1={y(number)} y2={y(number)} />
            <text x={LEFT - 6} y={y(number) + 4} textAnchor="end">
              {count(number)}
            </text>
          </g>
        ))}
        {[0, 0.25, 0.5, 0.75, 1].map((part) => (
          <text key={part} className={part === 0.25 || part === 0.75 ? 'roomy' : undefined} x={x(last * part)} y={HEIGHT - 6} textAnchor={part === 0 ? 'start' : part === 1 ? 'end' : 'middle'}>
            {part ? span(last * part * 1000) : 'now'}
          </text>
        ))}
        <path className="as-is" d={pathOf(now, x, y, last)} />
        <path className="changed" d={pathOf(then, x, y, last)} />
      </svg>
      <figcaption>
        <span className="key as-is">as it is</span>
        <span className="key changed">with the change</span>
        <span className="faint">{said}.</span>
      </figcaption>
    </figure>
  )
}

/** How wide a figure is: what is drawn as wide as it is shown has letters of their usual size. */
function useWidth(): readonly [RefObject<HTMLElement | null>, number] {
  const figure = useRef<HTMLElement>(null)
  const [width, setWidth] = useState(USUAL_WIDTH)
  useLayoutEffect(() => {
    if (!figure.current) return
    const watch = new ResizeObserver(([seen]) => seen && setWidth(Math.max(160, Math.round(seen.contentRect.width))))
    watch.observe(figure.current)
    return () => watch.disconnect()
  }, [])
  return [figure, width]
}

function pathOf(steps: Starts, x: (at: number) => number, y: (number: number) => number, last: number): string {
  const parts = steps.map(([at, number], index) => (index ? `H${x(at).toFixed(1)}V${y(number).toFixed(1)}` : `M${x(0)} ${y(number).toFixed(1)}`))
  return `${parts.join('')}H${x(last).toFixed(1)}`
}
