import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import type { Explained, Verdict } from '../answers/documents'
import { explanations } from '../answers/queries'
import { withoutName } from '../answers/work_name'
import { AnswerPanel, useAnswer } from '../parts/answer'
import { CopyAnswer } from '../parts/copy'
import { type Column, ColumnsMenu, Grid, shownOf } from '../parts/grid'
import { Sentence } from '../parts/sentence'
import { matching } from '../parts/sorting'
import { State } from '../parts/state'
import { Work } from '../parts/work'
import { useList } from '../store/list'
import { useNow } from '../store/now'
import { rangeOf, within } from '../store/range'
import { useZone } from '../store/settings'
import { plural, span, type Zone } from '../words/format'
import { withMoments } from '../words/moments'
import type { StateLook } from '../words/states'
import { Chosen, Filters, TimeChoice, useWhere } from './filters'

const VERDICT: Readonly<Record<Verdict, StateLook>> = {
  broken: { word: 'broken', tone: 'bad', shape: 'cross' },
  misconfigured: { word: 'misconfigured', tone: 'wait', shape: 'bar' },
  waiting: { word: 'waiting', tone: 'quiet', shape: 'ring' },
}

const NOT_KNOWN: StateLook = { word: 'not known', tone: 'quiet', shape: 'dash' }

/** What kind of thing keeps something; where no cause was found, that. */
export function verdictOf(each: { readonly verdict: Verdict | null }): StateLook {
  return each.verdict ? VERDICT[each.verdict] : NOT_KNOWN
}

/** Everything that does not run, and why. */
export function Waiting() {
  const [search, change] = useList()
  const source = useAnswer(explanations(useWhere(search)))
  const now = useNow(60_000)
  const all = source.data?.document.items ?? NONE
  const range = rangeOf(search, now)
  const rows = useMemo(
    () =>
      matching(all, search.q, (each) => `${each.subject.name} ${each.subject.namespace ?? ''} ${each.cause} ${each.summary}`).filter(
        (each) =>
          (!search.by || each.verdict === search.by) &&
          (!search.kind || each.cause === search.kind) &&
          within(each.createdAt === null ? null : Date.parse(each.createdAt), range),
      ),
    [all, search.q, search.by, search.kind, range.from, range.to],
  )
  const zone = useZone()
  const columns = useMemo(() => columnsOf(now, zone), [now, zone])
  return (
    <>
      <div className="head">
        <h1>What waits</h1>
        <Filters text="Work, namespace, cause" clusters={source.data?.sources.map((each) => each.name) ?? []}>
          {(Object.keys(VERDICT) as Verdict[]).map((each) => (
            <button key={each} type="button" className="chip" aria-pressed={search.by === each} onClick={() => change({ by: search.by === each ? '' : each })}>
              <State of={VERDICT[each]} />
            </button>
          ))}
          <TimeChoice of="Waits since" />
          {search.kind && <Chosen said={search.kind} drop={() => change({ kind: '' })} />}
        </Filters>
      </div>
      <AnswerPanel
        title={source.data ? shownOf(rows.length, all.length, (number) => `${plural(number, 'piece')} of work`) : 'What waits'}
        source={source}
        flush
        acts={
          <>
            <CopyAnswer command="allot why -A" of={source.data} />
            <ColumnsMenu columns={columns} />
          </>
        }
        remarks={(document) => document.unseen}
        empty={() =>
          rows.length ? null : all.length ? (
            <>
              <strong>Nothing waits for such a reason</strong>
              <button type="button" className="act" onClick={() => change({ q: '', by: '', kind: '', since: '', until: '' })}>
                Show all {all.length}
              </button>
            </>
          ) : (
            <>
              <strong>Nothing waits</strong>
              <span>
                Whatever was submitted runs or is over. <Link to="/help">Causes of waiting</Link> says what can stand in the way.
              </span>
            </>
          )
        }
      >
        {() => <Grid label="What waits" rows={rows} columns={columns} keyOf={keyOf} usual="verdict" />}
      </AnswerPanel>
    </>
  )
}

const NONE: readonly Explained[] = []
const ORDER: readonly (Verdict | null)[] = ['broken', 'misconfigured', null, 'waiting']

function keyOf(each: Explained): string {
  return `${each.source ?? ''}/${each.subject.namespace ?? ''}/${each.subject.kind}/${each.subject.name}`
}

function columnsOf(now: number, zone: Zone): readonly Column<Explained>[] {
  return [
    {
      id: 'work',
      head: 'Work',
      width: '19%',
      sort: (each) => each.subject.name,
      cell: ({ subject }) => <Work of={`${subject.kind}/${subject.name}`} brief />,
      title: (each) => `${each.subject.kind} ${each.subject.name}`,
    },
    { id: 'namespace', head: 'Namespace', width: '108px', roomy: true, more: true, whole: true, sort: (each) => each.subject.namespace ?? '', cell: (each) => each.subject.namespace ?? '' },
    { id: 'verdict', head: 'Verdict', width: '140px', card: 'badge', sort: (each) => ORDER.indexOf(each.verdict), cell: (each) => <State of={verdictOf(each)} /> },
    {
      id: 'cause',
      head: 'Cause',
      width: '15%',
      sort: (each) => each.cause,
      cell: (each) =>
        each.code ? (
          <Link to="/help/$code" params={{ code: each.code }}>
            {each.cause}
          </Link>
        ) : (
          each.cause
        ),
      title: (each) => `${each.code ?? ''} ${each.cause}`,
    },
    { id: 'summary', head: 'Says', roomy: true, card: 'whole', sort: (each) => each.summary, cell: (each) => <span className="wrapped"><Sentence of={withoutName(each.summary, each.subject.kind, each.subject.name)} /></span>, title: (each) => withMoments(each.summary, zone) },
    {
      id: 'since',
      head: 'Waits for',
      width: '104px',
      number: true,
      roomy: true,
      sort: (each) => (each.createdAt === null ? null : now - Date.parse(each.createdAt)),
      cell: (each) => (each.createdAt === null ? '' : span(now - Date.parse(each.createdAt))),
    },
    { id: 'cluster', head: 'Cluster', width: '180px', roomy: true, wide: true, sort: (each) => each.source, cell: (each) => each.source ?? '', title: (each) => each.source ?? '' },
  ]
}
