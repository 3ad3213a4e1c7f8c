import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import { queues } from '../answers/queries'
import { isDevice, mayBeReclaimed, type QueueNode, type Reclaimer, shownRows, treeOf, waitingIn } from '../answers/queue_tree'
import type { QueueUse } from '../answers/documents'
import { AnswerPanel, useAnswer } from '../parts/answer'
import { QuotaBar } from '../parts/bars'
import { CopyCommand } from '../parts/copy'
import { widthsOf } from '../parts/grid'
import { matching } from '../parts/sorting'
import { Glyph } from '../parts/state'
import { useList } from '../store/list'
import { bytes, count, plural } from '../words/format'
import { Choice, Filters, useWhere } from './filters'
import { useRowKeys } from './row_keys'

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
  const rows = shownRows(tree, (node) => !closed.has(node.key))
  const toggle = (node: QueueNode) => {
    const next = new Set(closed)
    if (!next.delete(node.key)) next.add(node.key)
    change({ closed: [...next].join(',') })
  }
  const here = useRowKeys(rows, (node) => node.children.length && toggle(node))
  const said = (value: number) => amountOf(value, wanted)
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
        acts={<CopyCommand command="allot queues" />}
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
          <div className="scroll grid">
            <table className="table" role="treegrid" aria-label="Queues">
              <thead>
                <tr>
                  <th style={{ width: '24%' }}>Queue</th>
                  <th style={widthsOf('17%', '76px')}>Used of guaranteed</th>
                  <th className="number" style={{ width: 76 }}>
                    Used
                  </th>
                  {['Nominal', 'Borrowed', 'Lent', 'At most'].map((each) => (
                    <th key={each} className={each === 'At most' ? 'number roomy wide' : 'number roomy'} style={{ width: 76 }}>
                      {each}
                    </th>
                  ))}
                  <th className="number" style={{ width: 64 }}>
                    Waits
                  </th>
                  <th className="roomy">Would be reclaimed by</th>
                </tr>
              </thead>
              <tbody>
                {rows.map((node, number) => (
                  <tr
                    key={node.key}
                    className={[node.level === 0 ? 'cohort' : '', number === here ? 'here' : ''].join(' ')}
                    aria-level={node.level + 1}
                    aria-expanded={node.children.length ? !closed.has(node.key) : undefined}
                  >
                    <td title={node.level === 0 ? `${node.name} in ${node.cluster}` : node.name}>
                      <span className={`tree-name level-${node.level}`}>
                        {node.children.length > 0 && node.level < 2 && (
                          <button type="button" aria-label={`${closed.has(node.key) ? 'Open' : 'Close'} ${node.name}`} onClick={() => toggle(node)}>
                            {closed.has(node.key) ? '▸' : '▾'}
                          </button>
                        )}
                        {node.level === 1 && !node.children.length && <span className="stub" />}
                        <Name of={node} />
                      </span>
                    </td>
                    <td>
                      <QuotaBar nominal={node.nominal} used={node.used} limit={node.limit} />
                    </td>
                    <td className="number">{said(node.used)}</td>
                    <td className="number roomy">
                      {node.level === 0 || wanted !== DEVICES ? said(node.nominal) : <Link to="/quotas" search={derivationOf(node)}>{said(node.nominal)}</Link>}
                    </td>
                    <td className={node.borrowed ? 'number roomy tone-wait' : 'number roomy faint'}>{said(node.borrowed)}</td>
                    <td className={node.lent ? 'number roomy tone-move' : 'number roomy faint'}>{said(node.lent)}</td>
                    <td className="number roomy wide faint">{node.level === 0 ? '' : node.limit === null ? 'no bound' : said(node.limit)}</td>
                    <td className="number">
                      {node.level === 2 ? '' : node.pending ? <Link to="/waiting">{count(node.pending)}</Link> : <span className="faint">0</span>}
                    </td>
                    <td className="roomy" title={node.reclaimers.map((each) => `${each.lender} may take back ${said(each.amount)}${each.pending ? `, and ${plural(each.pending, 'job')} of its queue wait now` : ''}`).join('; ')}>
                      <Reclaimers of={node.level === 0 ? [] : node.reclaimers} said={said} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </AnswerPanel>
    </>
  )
}

const NONE: never[] = []
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
        {of.name} <span className="faint">{of.cluster}</span>
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
