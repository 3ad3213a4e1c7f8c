import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import { waste } from '../answers/queries'
import { amountsOf, blocksOf, fleetTitle, kindOf, KIND_WORDS, KINDS, type NodeSlots, nodesOf, type SlotKind } from '../answers/slots'
import { AnswerPanel, useAnswer } from '../parts/answer'
import { KindBar, Swatch } from '../parts/bars'
import { CopyAnswer, CopyCommand, shellWord } from '../parts/copy'
import { type Column, ColumnsMenu, Grid, shownOf } from '../parts/grid'
import { matching } from '../parts/sorting'
import { Person, Work } from '../parts/work'
import { useList } from '../store/list'
import { count, plural } from '../words/format'
import { Choice, Filters, useWhere } from './filters'
import { SlotPicture } from './slot_picture'

const isKind = (text: string | undefined): text is SlotKind => KINDS.some((each) => each === text)

/** Every accelerator of every node, and what becomes of it: one picture, and a table with the same nodes. */
export function Fleet() {
  const [search, change] = useList()
  const source = useAnswer(waste(useWhere(search)))
  const all = useMemo(() => nodesOf(source.data?.document.entries ?? []), [source.data])
  const kind = isKind(search.kind) ? search.kind : null
  const models = useMemo(() => [...new Set(all.map((each) => each.model))].sort(), [all])
  const rows = useMemo(
    () =>
      matching(all, search.q, (each) => `${each.node} ${each.cluster} ${each.model}`).filter(
        (each) => (!kind || each.amounts[kind] > 0) && (!search.accelerator || each.model === search.accelerator),
      ),
    [all, search.q, search.accelerator, kind],
  )
  const amounts = useMemo(() => amountsOf(rows.flatMap((each) => each.entries)), [rows])
  const columns = useMemo(() => columnsOf(amountsOf(all.flatMap((each) => each.entries))), [all])
  const blocks = useMemo(() => blocksOf(rows), [rows])
  const here = all.find((each) => each.key === search.node)
  const nothing = () =>
    rows.length ? null : all.length ? (
      <>
        <strong>No node is like that</strong>
        <button type="button" className="act" onClick={() => change({ q: '', kind: '', accelerator: '' })}>
          Show all {count(all.length)}
        </button>
      </>
    ) : (
      <>
        <strong>No accelerators are seen</strong>
        <span>
          A cluster is connected with <code>allot cluster connect</code>; <Link to="/clusters">clusters</Link> says which answer.
        </span>
      </>
    )
  return (
    <>
      <div className="head">
        <h1>Fleet</h1>
        <Filters text="Node, cluster, accelerator" clusters={source.data?.sources.map((each) => each.name) ?? []}>
          <Choice label="Accelerator" every="every accelerator" values={models} value={search.accelerator} pick={(accelerator) => change({ accelerator })} />
          <button type="button" className="chip" aria-pressed={search.as === 'table'} onClick={() => change({ as: search.as === 'table' ? '' : 'table' })}>
            table alone
          </button>
        </Filters>
      </div>
      {search.as !== 'table' && (
        <AnswerPanel
          title={source.data ? fleetTitle(amounts, rows.length, kind) : 'Accelerators'}
          source={source}
          flush
          empty={nothing}
        >
          {() => (
            <>
              <div className="note legend">
                {KINDS.filter((each) => amounts[each] > 0 || each === kind).map((each) => (
                  <button
                    key={each}
                    type="button"
                    className="chip"
                    title={KIND_WORDS[each].means}
                    aria-pressed={kind === each}
                    onClick={() => change({ kind: kind === each ? '' : each })}
                  >
                    <Swatch kind={each} />
                    {KIND_WORDS[each].word} <b>{count(amounts[each])}</b>
                  </button>
                ))}
              </div>
              <SlotPicture blocks={blocks} marked={search.node ?? ''} kind={kind} pick={(node) => change({ node })} />
            </>
          )}
        </AnswerPanel>
      )}
      {here && <NodePanel node={here} close={() => change({ node: '' })} />}
      <AnswerPanel
        title={source.data ? shownOf(rows.length, all.length, (number) => plural(number, 'node')) : 'Nodes'}
        source={source}
        flush
        acts={
          <>
            <CopyAnswer command="allot waste --by node" of={source.data} />
            <ColumnsMenu columns={columns} />
          </>
        }
        empty={nothing}
      >
        {() => <Grid label="Nodes" rows={rows} columns={columns} keyOf={(each) => each.key} usual="node" open={(each) => change({ node: each.key })} here={search.node ?? ''} />}
      </AnswerPanel>
    </>
  )
}

function NodeLink({ of }: { of: NodeSlots }) {
  const [, change] = useList()
  return (
    <button type="button" className="link" onClick={() => change({ node: of.key })}>
      {of.node}
    </button>
  )
}

const HEADS: Readonly<Partial<Record<SlotKind, string>>> = { unmeasured: 'No telemetry' }

const amount = (kind: SlotKind, more = false): Column<NodeSlots> => ({
  id: kind,
  head: HEADS[kind] ?? KIND_WORDS[kind].word.replace(/^./, (first) => first.toUpperCase()),
  width: kind === 'unmeasured' ? '88px' : '70px',
  number: true,
  roomy: kind !== 'free',
  wide: kind !== 'free' && kind !== 'idle',
  ...(kind === 'free' || kind === 'idle' ? {} : { card: 'none' as const }),
  more,
  sort: (each) => each.amounts[kind],
  cell: (each) => (each.amounts[kind] ? count(each.amounts[kind]) : <span className="faint">·</span>),
})

/** Kinds of slots that occur have a column each; for the others somebody has to ask. */
function columnsOf(amounts: Readonly<Record<SlotKind, number>>): readonly Column<NodeSlots>[] {
  return [
    { id: 'node', head: 'Node', width: '17%', sort: (each) => each.node, cell: (each) => <NodeLink of={each} />, title: (each) => each.node },
    { id: 'cluster', head: 'Cluster', roomy: true, width: '13%', whole: true, sort: (each) => each.cluster, cell: (each) => each.cluster, title: (each) => each.cluster },
    { id: 'model', head: 'Accelerator', width: '8%', card: 'badge', sort: (each) => each.model, cell: (each) => each.model, title: (each) => each.model },
    { id: 'bar', head: 'Slots', width: '18%', roomy: true, card: 'whole', cell: (each) => <KindBar amounts={each.amounts} /> },
    { id: 'total', head: 'All', width: '52px', number: true, sort: (each) => each.total, cell: (each) => count(each.total) },
    ...KINDS.map((kind) => amount(kind, !amounts[kind] && kind !== 'free')),
  ]
}

/** One node: who holds which of its accelerators. */
function NodePanel({ node, close }: { node: NodeSlots; close: () => void }) {
  const closed = node.amounts.closed > 0
  return (
    <section className="panel" aria-label={node.node}>
      <header>
        <h2>{node.node}</h2>
        <span className="faint">
          {node.cluster} · {count(node.total)} {node.model}
        </span>
        {closed && <span className="state tone-quiet">cordoned</span>}
        {node.amounts.broken > 0 && <span className="state tone-bad">{count(node.amounts.broken)} broken</span>}
        <span className="grow" />
        <CopyCommand command={`kubectl --context ${shellWord(node.cluster)} describe node ${shellWord(node.node)}`} />
        <button type="button" className="act plain" aria-label="Close" onClick={close}>
          ×
        </button>
      </header>
      <div className="body flush">
        <table className="table cards">
          <thead>
            <tr>
              <th style={{ width: '20%' }}>What becomes of them</th>
              <th className="number" style={{ width: 70 }}>
                GPUs
              </th>
              <th style={{ width: '14%' }}>Team</th>
              <th className="roomy wide" style={{ width: '20%' }}>
                Person
              </th>
              <th>Work</th>
            </tr>
          </thead>
          <tbody>
            {node.entries.map((each, number) => (
              <tr key={number}>
                <td className="card-title" title={KIND_WORDS[kindOf(each.cause)].means}>
                  <span className="state">
                    <Swatch kind={kindOf(each.cause)} />
                    {each.cause}
                  </span>
                </td>
                <td className="number card-badge">{count(Math.round((each.gpuMs / 3_600_000) * 1000) / 1000)}</td>
                <td className="whole" data-head="Team">{each.team && <Link to="/accelerators" search={{ team: each.team }}>{each.team}</Link>}</td>
                <td className="roomy wide" data-head="Person" title={each.person}>
                  <Person of={each.person} />
                </td>
                <td className="card-whole" title={each.object}>
                  <Work of={each.object} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}
