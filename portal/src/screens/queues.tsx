import { Link } from '@tanstack/react-router'
import { type ReactNode, useMemo } from 'react'
import { queues, queueTrends } from '../answers/queries'
import { trendOf, trendsBy } from '../answers/queue_trends'
import { inOrder, isDevice, mayBeReclaimed, type QueueNode, type Reclaimer, shownRows, treeOf, waitingIn } from '../answers/queue_tree'
import type { QueueUse } from '../answers/documents'
import { AnswerPanel, useAnswer } from '../parts/answer'
import { QuotaBar } from '../parts/bars'
import { CopyAnswer } from '../parts/copy'
import { type Column, ColumnsMenu, Grid } from '../parts/grid'
import { matching, sorted, sortingOf } from '../parts/sorting'
import { Glyph } from '../parts/state'
import { useList } from '../store/list'
import { bytes, count, plural } from '../words/format'
import { Choice, Filters, useWhere } from './filters'
import { TrendCell, TrendNote } from './trend'

const DEVICES = 'devices'

/** Queues as a tree: what each is guaranteed, uses, borrows and lends, and who may take back what it borrows. */
export function QueuesPage() {
  const [search, change] = useList()
  const source = useAnswer(queues(useWhere(search)))
  const items = source.data?.document.items ?? NONE
  const resources = useMemo(() => [...new Set(items.flatMap((each) => each.quotas.map((use) => use.resource)))].filter((each) => !isDevice(each)), [items])
  const wanted = search.resource || DEVICES
  const closed = useMemo(() => new Set((search.closed ?? '').split(',').filter(Boolean)), [search.closed])
  const tree = useMemo(() => {
    const waiting = waitingIn(items)
    const meant = matching(items, search.q, (each) => `${each.clusterQueue} ${each.cohort} ${each.cluster}`).filter(
      (each) =>
        (search.kind !== 'reclaim' || mayBeReclaimed(each, waiting)) && (search.kind !== 'stopped' || Boolean(each.stopPolicy || each.inactive)),
    )
    const use = (each: QueueUse) =>
      (wanted === DEVICES ? isDevice(each.resource) : each.resource === wanted) && (!search.accelerator || each.flavor === search.accelerator)
    return treeOf(meant, use, waiting)
  }, [items, search.q, search.kind, search.accelerator, wanted])
  const flavors = useMemo(() => [...new Set(items.flatMap((each) => each.quotas.filter((use) => isDevice(use.resource)).map((use) => use.flavor)))].sort(), [items])
  const told = useAnswer(queueTrends(useWhere(search)))
  const trends = useMemo(() => (told.data ? trendsBy(told.data.document) : null), [told.data])
  const columns = columnsOf(wanted, {
    said: (value) => amountOf(value, wanted),
    name: (node) => <TreeName of={node} closed={closed.has(node.key)} toggle={() => toggle(node)} />,
    trend: (node) => <TrendCell of={trends && trendOf(node, trends)} among={told.data?.document ?? null} failed={told.trouble !== null} />,
  })
  const { by, down } = sortingOf(search.sort, USUAL)
  const value = columns.find((each) => each.id === by)?.sort
  const rows = shownRows(search.sort && value ? inOrder(tree, (siblings) => sorted(siblings, value, down)) : tree, (node) => !closed.has(node.key))
  function toggle(node: QueueNode): void {
    const next = new Set(closed)
    if (!next.delete(node.key)) next.add(node.key)
    change({ closed: [...next].join(',') })
  }
  return (
    <>
      <div className="head">
        <h1>Queues</h1>
        <Filters text="Queue, cohort, cluster" clusters={source.data?.sources.map((each) => each.name) ?? []}>
          <Choice label="Resource" every="accelerators" values={resources} value={search.resource} pick={(resource) => change({ resource })} />
          <Choice label="Flavor" every="every flavor" values={flavors} value={search.accelerator} pick={(accelerator) => change({ accelerator })} />
          {Object.entries(KINDS).map(([kind, said]) => (
            <button key={kind} type="button" className="chip" aria-pressed={search.kind === kind} onClick={() => change({ kind: search.kind === kind ? '' : kind })}>
              {said}
            </button>
          ))}
        </Filters>
      </div>
      <AnswerPanel
        title={source.data ? plural(tree.reduce((sum, each) => sum + each.children.length, 0), 'queue') : 'Queues'}
        source={source}
        flush
        acts={
          <>
            <CopyAnswer command="allot queues" of={source.data} />
            <ColumnsMenu columns={columns} />
          </>
        }
        remarks={(document) => document.remarks}
        empty={() =>
          rows.length ? null : (
            <>
              <strong>{items.length ? 'No queue is like that' : 'No queues are seen'}</strong>
              <span>
                A team gets a queue in each of its clusters with <code>allot team add</code> and <code>allot apply</code>.
              </span>
            </>
          )
        }
      >
        {() => (
          <>
            {wanted === DEVICES && <TrendNote of={told} />}
            <Grid
              label="Queues"
              rows={rows}
              columns={columns}
              keyOf={(node) => node.key}
              usual={USUAL}
              given="always"
              look={(node) => ({
                className: node.level === 0 ? 'cohort' : '',
                level: node.level + 1,
                expanded: node.children.length ? !closed.has(node.key) : undefined,
              })}
              open={(node) => node.children.length && toggle(node)}
            />
          </>
        )}
      </AnswerPanel>
    </>
  )
}

const USUAL = 'name'
const NONE: never[] = []

/** A node's name, indented by its level, with what opens and closes it. */
function TreeName({ of: node, closed, toggle }: { of: QueueNode; closed: boolean; toggle: () => void }) {
  return (
    <span className={`tree-name level-${node.level}`}>
      {node.children.length > 0 && node.level < 2 && (
        <button type="button" aria-label={`${closed ? 'Open' : 'Close'} ${node.name}`} onClick={toggle}>
          {closed ? '▸' : '▾'}
        </button>
      )}
      {node.level === 1 && !node.children.length && <span className="stub" />}
      <Name of={node} />
    </span>
  )
}

interface Cells {
  readonly said: (value: number) => string
  readonly name: (node: QueueNode) => ReactNode
  readonly trend: (node: QueueNode) => ReactNode
}

function columnsOf(wanted: string, { said, name, trend }: Cells): readonly Column<QueueNode>[] {
  const amount = (id: 'nominal' | 'borrowed' | 'lent', head: string, tone: string): Column<QueueNode> => ({
    id,
    head,
    width: '76px',
    number: true,
    roomy: true,
    sort: (node) => node[id],
    cell: (node) => <span className={!tone ? '' : node[id] ? tone : 'faint'}>{said(node[id])}</span>,
  })
  return [
    { id: 'name', head: 'Queue', width: '21%', sort: (node) => node.name, cell: name, title: (node) => (node.level === 0 && node.name !== node.cluster ? `${node.name} in ${node.cluster}` : node.name) },
    {
      id: 'bar',
      head: 'Used of guaranteed',
      width: '14%',
      card: 'whole',
      sort: (node) => (node.nominal ? node.used / node.nominal : null),
      cell: (node) => <QuotaBar nominal={node.nominal} used={node.used} limit={node.limit} />,
    },
    // What is kept of the past is of devices.
    ...(wanted === DEVICES ? [{ id: 'trend', head: 'Trend', width: '132px', wide: true, card: 'whole' as const, cell: trend }] : []),
    { id: 'used', head: 'Used', width: '76px', number: true, sort: (node) => node.used, cell: (node) => said(node.used) },
    {
      ...amount('nominal', 'Nominal', ''),
      cell: (node) =>
        node.level === 0 || wanted !== DEVICES ? (
          said(node.nominal)
        ) : (
          <Link to="/quotas" search={derivationOf(node)}>
            {said(node.nominal)}
          </Link>
        ),
    },
    amount('borrowed', 'Borrowed', 'tone-wait'),
    amount('lent', 'Lent', 'tone-move'),
    {
      id: 'limit',
      head: 'At most',
      width: '76px',
      number: true,
      roomy: true,
      wide: true,
      card: 'none',
      sort: (node) => node.limit,
      cell: (node) => (node.level === 0 ? null : <span className="faint">{node.limit === null ? 'no bound' : said(node.limit)}</span>),
    },
    {
      id: 'waits',
      head: 'Waits',
      width: '64px',
      number: true,
      sort: (node) => node.pending,
      cell: (node) => (node.level === 2 ? null : node.pending ? <Link to="/waiting">{count(node.pending)}</Link> : <span className="faint">0</span>),
    },
    {
      id: 'reclaim',
      head: 'Would be reclaimed by',
      roomy: true,
      card: 'whole',
      sort: (node) => node.reclaimers.reduce((sum, each) => sum + each.amount, 0),
      cell: (node) => (node.level === 0 || !node.reclaimers.length ? null : <Reclaimers of={node.reclaimers} said={said} />),
      title: (node) =>
        node.reclaimers
          .map((each) => `${each.lender} may take back ${said(each.amount)}${each.pending ? `, and ${plural(each.pending, 'job of its queue waits', 'jobs of its queue wait')} now` : ''}`)
          .join('; '),
    },
  ]
}
const KINDS = { reclaim: 'lender waits', stopped: 'stopped' }

/** Where a guarantee comes from, and can be changed. */
function derivationOf(node: QueueNode): { q: string; cluster: string; accelerator?: string } {
  const q = node.standing?.clusterQueue ?? node.name
  return { q, cluster: node.cluster, ...(node.level === 2 ? { accelerator: node.name } : {}) }
}

function Name({ of }: { of: QueueNode }) {
  const stopped = of.standing?.stopPolicy || of.standing?.inactive
  if (of.level === 0)
    return (
      <span>
        {of.name} {of.name !== of.cluster && <span className="faint">{of.cluster}</span>}
      </span>
    )
  return (
    <>
      <span>{of.name}</span>
      {of.level === 1 && of.use && <span className="faint">{of.use.flavor}</span>}
      {of.level === 1 && stopped && (
        <span className="state tone-bad" title={stopped}>
          <Glyph shape="bar" tone="bad" />
          stopped
        </span>
      )}
    </>
  )
}

function Reclaimers({ of, said }: { of: readonly Reclaimer[]; said: (value: number) => string }) {
  return (
    <>
      {of.map((each, number) => (
        <span key={each.lender} className={each.pending ? 'tone-wait' : 'faint'}>
          {number ? ', ' : ''}
          {each.lender} {said(each.amount)}
          {each.pending ? ` (${count(each.pending)} wait)` : ''}
        </span>
      ))}
    </>
  )
}

export function amountOf(value: number, resource: string): string {
  if (resource === 'cpu') return count(Math.round(value / 100) / 10)
  if (resource === 'memory' || resource === 'ephemeral-storage') return bytes(value)
  return count(value)
}
