import { useMemo } from 'react'
import { heldUp, inCourse } from '../answers/course_order'
import type { CourseStep, JobCourse, JobState } from '../api/schema'
import { Moment } from '../parts/moment'
import { Glyph } from '../parts/state'
import { type PositionMove, usePositionMoves } from '../store/positions'
import { span } from '../words/format'
import { JOB } from '../words/states'

/** What became of a job, step by step: in plain words, and in those of its back end for whoever opens them. */
export function Course({ of }: { of: JobCourse }) {
  const moved = usePositionMoves({ id: of.id, backend: '', priority: '' }, null, NOBODY)
  const rows = useMemo(
    () => [...inCourse(of.steps).map((step) => ({ at: step.at, step, move: null })), ...moved.map((move) => ({ at: move.at, step: null, move }))].sort((a, b) => a.at - b.at),
    [of, moved],
  )
  return (
    <>
      <Stages steps={of.steps} />
      <ol className="timeline">
        {rows.map(({ at, step, move }, number) => (
          <li key={number}>
            {step?.kind === 'move' ? <StateGlyph of={step.word} /> : <span />}
            <Moment at={at} />
            {step ? <Step of={step} held={heldUp(step, of.steps)} /> : move && <Position of={move} />}
          </li>
        ))}
      </ol>
    </>
  )
}

const NOBODY: never[] = []

function StateGlyph({ of }: { of: string }) {
  const look = JOB[of as JobState]
  return <Glyph shape={look.shape} tone={look.tone} />
}

const CAUSES: Readonly<Record<string, string>> = {
  preempted: 'it made room for others',
  reclaimed: 'its devices went away',
  retried: 'it is tried again',
  lost: 'its back end knows nothing of it any more',
  'run-time': 'its time was over',
  'by-hand': 'by hand',
  'early-stop': 'it fell behind the others of its sweep',
}

function Step({ of, held }: { of: CourseStep; held: number | null }) {
  return (
    <span>
      {of.kind === 'move' && <strong>{JOB[of.word as JobState].word}</strong>}
      {of.kind === 'wait' && <span className="tone-wait">waits</span>} {of.plain || (of.kind === 'move' && CAUSES[of.cause]) || ''}
      {of.kind === 'move' && of.plain && CAUSES[of.cause] && <span className="faint"> · {CAUSES[of.cause]}</span>}
      {held !== null && <span className="faint"> · for {span(held)}</span>}
      {of.attempt > 1 && <span className="faint"> · attempt {of.attempt}</span>}
      {of.raw && (
        <details className="raw">
          <summary>in the queue’s own words</summary>
          <span className="mono">{of.raw}</span>
        </details>
      )}
    </span>
  )
}

function Position({ of }: { of: PositionMove }) {
  return (
    <span>
      <span className={of.to > of.from ? 'tone-wait' : 'tone-good'}>
        place {of.from} → {of.to}
      </span>{' '}
      {of.said}
    </span>
  )
}

interface Stage {
  readonly word: string
  readonly at: number | null
}

/** When the last attempt came to each stage; null where it has not, or nobody told. */
export function stagesOf(steps: readonly CourseStep[]): readonly Stage[] {
  const moves = steps.filter((each) => each.kind === 'move')
  const attempt = Math.max(0, ...moves.map((each) => each.attempt))
  const last = moves.filter((each) => each.attempt === attempt)
  const first = (holds: (step: CourseStep) => boolean, of: readonly CourseStep[] = last) => of.find(holds)?.at ?? null
  const begun = (each: CourseStep) => each.word === 'staging' || each.word === 'starting' || each.word === 'running'
  const pulls = (each: CourseStep) => each.word === 'staging' || (each.word === 'starting' && /pull|image|containercreating/i.test(each.raw || each.plain))
  return [
    { word: 'submitted', at: first((each) => each.word === 'submitted', moves) },
    { word: 'queued', at: first((each) => each.word === 'queued', attempt > 1 ? last : moves) },
    { word: 'admitted', at: first((each) => each.cause === 'admitted' || begun(each)) },
    { word: 'pulling', at: first(pulls) },
    { word: 'starting', at: first((each) => each.word === 'starting' && !pulls(each)) },
    { word: 'running', at: first((each) => each.word === 'running') },
  ]
}

/** The way of every job, and how long each part of it took. */
function Stages({ steps }: { steps: readonly CourseStep[] }) {
  const stages = stagesOf(steps)
  const displaced = steps.filter((each) => each.kind === 'move' && (each.cause === 'preempted' || each.cause === 'reclaimed')).length
  return (
    <ul className="stages">
      {stages.map((each, number) => {
        const next = stages.slice(number + 1).find((later) => later.at !== null)
        return (
          <li key={each.word} className={each.at === null ? 'faint' : ''} data-reached={each.at !== null}>
            <b>{each.word}</b>
            <span>{each.at === null ? '' : next?.at == null ? <Moment at={each.at} /> : span(Math.max(0, next.at - each.at))}</span>
          </li>
        )
      })}
      {displaced > 0 && (
        <li className="tone-wait">
          <b>displaced</b>
          <span>{displaced === 1 ? 'once' : `${displaced} times`}</span>
        </li>
      )}
    </ul>
  )
}
