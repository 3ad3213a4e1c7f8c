import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import type { Books, Explained, Waste } from '../answers/documents'
import { type DeclaredPolicy, policiesIn } from '../answers/policies'
import { books, explanations, waste } from '../answers/queries'
import { declaredFiles } from '../api/queries'
import { AnswerPanel, useAnswer } from '../parts/answer'
import { CopyAnswer, CopyCommand } from '../parts/copy'
import { type Column, ColumnsMenu, Grid } from '../parts/grid'
import { Ago } from '../parts/moment'
import { Panel, sourceOf } from '../parts/panel'
import { matching } from '../parts/sorting'
import { State } from '../parts/state'
import { Work } from '../parts/work'
import { useList } from '../store/list'
import { count, plural } from '../words/format'
import type { StateLook } from '../words/states'
import { Chosen, Filters, useWhere } from './filters'
import { Limits } from './limits'
import { verdictOf } from './waiting'

const MODE: Readonly<Record<string, StateLook>> = {
  enforce: { word: 'enforces', tone: 'good', shape: 'dot' },
  warn: { word: 'warns', tone: 'wait', shape: 'half' },
  audit: { word: 'audits', tone: 'quiet', shape: 'ring' },
  off: { word: 'off', tone: 'over', shape: 'dash' },
}

/** What a number of the overview leads to, and nothing beside it. */
const ALONE: Readonly<Record<string, string>> = { limits: 'limits alone', findings: 'quota against hardware alone' }

/** What is not as it was agreed: limits that are nearly full, quota beyond hardware, what guardrails refused; and the policies. */
export function Policies() {
  const [search, change] = useList()
  const only = ALONE[search.kind ?? ''] ? search.kind : undefined
  return (
    <>
      <div className="head">
        <h1>Policies and violations</h1>
        <Filters text="Limit, finding, policy">{only && <Chosen said={ALONE[only] ?? ''} drop={() => change({ kind: '' })} />}</Filters>
      </div>
      {only !== 'findings' && <Limits q={search.q} />}
      {!only && (
        <div className="columns level">
          <Refused q={search.q} />
          <Idle />
        </div>
      )}
      {only !== 'limits' && <Findings q={search.q} />}
      {!only && <Declared q={search.q} />}
    </>
  )
}

const GUARDED = new Set(['policy', 'submission'])

function Refused({ q }: { q: string | undefined }) {
  const [search] = useList()
  const source = useAnswer(explanations(useWhere(search)))
  const refused = source.data ? matching(source.data.document.items, q, (each) => `${each.subject.name} ${each.cause} ${each.summary}`).filter((each) => GUARDED.has(each.layer)) : []
  return (
    <AnswerPanel
      title="Work that a guardrail refused"
      source={source}
      flush
      acts={
        <>
          <Link to="/waiting">All that waits</Link>
          <ColumnsMenu columns={REFUSED} list="refused" />
        </>
      }
      empty={() => (refused.length ? null : <span>No guardrail refuses any work at present.</span>)}
    >
      {() => <Grid label="Work that a guardrail refused" list="refused" rows={refused} columns={REFUSED} keyOf={(each) => `${each.source}/${each.subject.namespace}/${each.subject.name}`} usual="work" />}
    </AnswerPanel>
  )
}

function Findings({ q }: { q: string | undefined }) {
  const [search] = useList()
  const source = useAnswer(books(useWhere(search)))
  const rows = source.data ? matching(source.data.document.findings, q, (each) => `${each.code} ${each.subject} ${each.what}`) : []
  return (
    <AnswerPanel
      title={source.data ? `Quota against hardware: ${plural(rows.length, 'finding')}` : 'Quota against hardware'}
      source={source}
      flush
      acts={
        <>
          <CopyAnswer command="allot books" of={source.data} />
          <ColumnsMenu columns={FINDINGS} />
        </>
      }
      remarks={(document) => document.remarks}
      empty={() => (rows.length ? null : <span>What quota promises is there.</span>)}
    >
      {() => <Grid label="Findings" rows={rows} columns={FINDINGS} keyOf={(each) => `${each.cluster}/${each.code}/${each.subject}`} usual="about" />}
    </AnswerPanel>
  )
}

function Idle() {
  const [search] = useList()
  const source = useAnswer(waste(useWhere(search)))
  return (
    <AnswerPanel
      title="What rules of idleness would have done"
      source={source}
      flush
      acts={<ColumnsMenu columns={IDLE} list="idle" />}
      empty={(document) =>
        document.idleMarks.length ? null : (
          <>
            <span>No rule in shadow mode has met idle work.</span>
            <span>
              Rules stand under <code>idle</code> of the platform; <code>allot explain platform.idle</code> tells how.
            </span>
          </>
        )
      }
    >
      {(document) => <Grid label="What rules of idleness would have done" list="idle" rows={document.idleMarks} columns={IDLE} keyOf={(each) => `${each.object}/${each.rule}/${each.at}`} usual="-at" />}
    </AnswerPanel>
  )
}

function Declared({ q }: { q: string | undefined }) {
  const source = sourceOf(useQuery(declaredFiles))
  const all = useMemo(() => policiesIn(source.data ?? {}), [source.data])
  const rows = matching(all, q, (each) => `${each.name} ${each.said}`)
  return (
    <Panel
      title={source.data ? plural(rows.length, 'declared policy', 'declared policies') : 'Declared policies'}
      source={source}
      flush
      acts={
        <>
          <CopyCommand command="allot prove" />
          <ColumnsMenu columns={DECLARED} list="policies" />
        </>
      }
      empty={() =>
        rows.length ? null : all.length ? (
          <span>None of {count(all.length)} policies is called so.</span>
        ) : (
          <>
            <strong>This server tells of no policies</strong>
            <span>
              They stand in the platform directory, with <code>kind: Policy</code>; <code>allot prove</code> tries whether they hold.
            </span>
          </>
        )
      }
    >
      {() => <Grid label="Policies" list="policies" rows={rows} columns={DECLARED} keyOf={(each) => `${each.file}/${each.name}`} usual="name" />}
    </Panel>
  )
}

const REFUSED: readonly Column<Explained>[] = [
  { id: 'work', head: 'Work', width: '26%', sort: (each) => each.subject.name, cell: ({ subject }) => <Work of={`${subject.kind}/${subject.name}`} />, title: (each) => each.subject.name },
  { id: 'verdict', head: 'Verdict', width: '140px', card: 'badge', sort: (each) => each.verdict, cell: (each) => <State of={verdictOf(each)} /> },
  {
    id: 'cause',
    head: 'Cause',
    card: 'whole',
    sort: (each) => each.cause,
    cell: (each) => (
      <span>
        {each.code ? (
          <Link to="/help/$code" params={{ code: each.code }}>
            {each.cause}
          </Link>
        ) : (
          each.cause
        )}{' '}
        <span className="faint">{each.summary}</span>
      </span>
    ),
    title: (each) => each.summary,
  },
]

const FINDINGS: readonly Column<Books['findings'][number]>[] = [
  { id: 'about', head: 'About', width: '20%', sort: (each) => each.subject, cell: (each) => each.subject, title: (each) => `${each.subject} (${each.code})` },
  { id: 'cluster', head: 'Cluster', width: '14%', roomy: true, card: 'badge', sort: (each) => each.cluster, cell: (each) => <span className="faint">{each.cluster}</span>, title: (each) => each.cluster },
  { id: 'what', head: 'What', card: 'whole', sort: (each) => each.what, cell: (each) => <span className="wrapped">{each.what}</span> },
  { id: 'mend', head: 'Remedy', width: '28%', roomy: true, card: 'whole', sort: (each) => each.mend, cell: (each) => <span className="wrapped faint">{each.mend}</span> },
  { id: 'command', head: 'By command', width: '134px', roomy: true, card: 'none', cell: (each) => each.commands[0] && <CopyCommand command={each.commands.join('\n')} /> },
]

const IDLE: readonly Column<Waste['idleMarks'][number]>[] = [
  {
    id: 'work',
    head: 'Work',
    sort: (each) => each.object,
    cell: (each) =>
      each.job ? (
        <Link to="/jobs/$id" params={{ id: each.job }}>
          {each.object}
        </Link>
      ) : (
        each.object
      ),
    title: (each) => each.object,
  },
  { id: 'rule', head: 'Rule', width: '26%', sort: (each) => each.rule, cell: (each) => each.rule },
  { id: 'would', head: 'Would', width: '20%', card: 'badge', sort: (each) => each.wouldHave, cell: (each) => `would ${each.wouldHave}` },
  { id: 'at', head: 'When', width: '110px', sort: (each) => Date.parse(each.at), cell: (each) => <Ago at={Date.parse(each.at)} /> },
]

const DECLARED: readonly Column<DeclaredPolicy>[] = [
  { id: 'name', head: 'Policy', width: '34%', sort: (each) => each.name, cell: (each) => each.name, title: (each) => each.file },
  { id: 'mode', head: 'Mode', width: '116px', card: 'badge', sort: (each) => each.mode, cell: (each) => (MODE[each.mode] ? <State of={MODE[each.mode] as StateLook} /> : each.mode) },
  { id: 'said', head: 'Says', roomy: true, card: 'whole', sort: (each) => each.said, cell: (each) => <span className="wrapped faint">{each.said}</span>, title: (each) => each.said },
]
