import type { ReactNode } from 'react'
import { Trouble } from '../api/problem'
import { RestsOn } from '../parts/answer'
import { Panel, type Source } from '../parts/panel'

/** A moment that stands still: the tests set the clock a minute later. */
export const THEN = Date.UTC(2026, 10, 30, 8, 0, 0)
const TROUBLE = new Trouble(503, 'training-eastus does not answer', 'it was last seen 4 min ago', 'ask again', 'r-1', '')

function source<T>(data: T | undefined, trouble: Trouble | null = null): Source<T> {
  return { data, trouble, at: data === undefined ? 0 : THEN, again: () => undefined }
}

const rows = () => <p>12 GPUs are held, of which 3 are idle.</p>

/** A panel in each state of what it shows. */
export function Panels() {
  return (
    <div className="columns">
      <Panel title="It loads" source={source<number>(undefined)}>
        {rows}
      </Panel>
      <Panel title="There is nothing" source={source(0)} empty={() => <Nothing />}>
        {rows}
      </Panel>
      <Panel title="It failed" source={source<number>(undefined, TROUBLE)}>
        {rows}
      </Panel>
      <Panel title="It is old, and asked again" source={source(1, TROUBLE)}>
        {rows}
      </Panel>
      <Panel title="What it rests on is old" source={source(1)} stale={() => 'training-eastus as it was 4 min ago'}>
        {rows}
      </Panel>
      <Panel title="Some is missing" source={source(1)} partial={() => 'not seen: nodes of dev-eastus'}>
        {rows}
      </Panel>
      <Panel title="It is cut" source={source(1)} truncated={() => 'the first 10,000 of 30,000'}>
        {rows}
      </Panel>
      <Panel title="All at once" source={source(1, TROUBLE)} partial={() => 'not seen: nodes'} stale={() => 'old'} truncated={() => 'the first 10'}>
        {rows}
      </Panel>
      <Panel title="Marks instead of sentences" brief source={source(1)} stale={() => 'old'} partial={() => 'not seen: nodes'}>
        {rows}
      </Panel>
      <Panel title="With an act" acts={<Act>Ask for it</Act>} source={source(1)}>
        {rows}
      </Panel>
      <RestsOn of={[{ ...source(TOLD, TROUBLE) }]} />
    </div>
  )
}

const TOLD = {
  document: null,
  sources: [
    { name: 'training-eastus', state: 'stale', age_seconds: 240, why: 'it does not answer', gaps: [] },
    { name: 'dev-eastus', state: 'silent', age_seconds: null, why: 'no answer ever', gaps: [] },
  ],
} as never

function Nothing() {
  return (
    <>
      <strong>Nobody waits</strong>
      <span>Whoever submits now starts at once.</span>
    </>
  )
}

function Act({ children }: { children: ReactNode }) {
  return (
    <button type="button" className="act">
      {children}
    </button>
  )
}
