import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import { declaredTeams, queues, whatIf } from '../answers/queries'
import { addressOf, amountsNow, type Amounts, amountsWanted, type QuotaRow, quotaRows, wishOf, wordsOf } from '../answers/quota_edit'
import { grants } from '../api/queries'
import { AnswerPanel, useAnswer } from '../parts/answer'
import { QuotaBar } from '../parts/bars'
import { CopyCommand, shellWord } from '../parts/copy'
import { type Column, ColumnsMenu, Grid, shownOf } from '../parts/grid'
import { Name } from '../parts/name'
import { Panel, sourceOf } from '../parts/panel'
import { matching } from '../parts/sorting'
import { useList } from '../store/list'
import { useMay } from '../store/may'
import { useSettled } from '../store/settled'
import { count, plural } from '../words/format'
import { Choice, Filters, useWhere } from './filters'
import { cutOf, Displaced, Rests, Sums, unknownOf, WhoStarts } from './futures'
import { ChangeQuota } from './quota_change'
import { Terms } from './teams'

/** Milliseconds after the last step in which no future is made yet. */
const SETTLES = 400

/** What every team is guaranteed, may borrow and lends; what another amount would do is seen before anything is done. */
export function Quotas() {
  const [search, change] = useList()
  const where = useWhere(search)
  const source = useAnswer(declaredTeams(where))
  const granted = sourceOf(useQuery(grants))
  const standing = useAnswer(queues(where))
  const given = granted.data
  const queued = standing.data?.document.items
  const all = useMemo(() => quotaRows(source.data?.document.items ?? NONE, given ?? NONE, queued ?? NONE), [source.data, given, queued])
  const rows = matching(all, search.q, ({ team, terms }) => `${team.name} ${team.displayName} ${terms.cluster} ${terms.flavor} ${terms.queue}`).filter(
    (each) => (!search.cluster || each.terms.cluster === search.cluster) && (!search.accelerator || each.terms.flavor === search.accelerator),
  )
  const chosen = all.find((each) => each.key === search.about)
  const flavors = [...new Set(all.map((each) => each.terms.flavor))].sort()
  const open = (row: QuotaRow) => change({ about: row.key === search.about ? '' : row.key, nominal: '', borrowing: '', lending: '' })
  const columns = useMemo(() => columnsOf(given !== undefined, queued !== undefined), [given, queued])
  return (
    <>
      <div className="head">
        <h1>Quotas</h1>
        <Filters text="Team, queue, flavor" clusters={[...new Set(all.map((each) => each.terms.cluster))].sort()}>
          <Choice label="Flavor" every="every flavor" values={flavors} value={search.accelerator} pick={(accelerator) => change({ accelerator })} />
        </Filters>
      </div>
      {chosen && <Editor row={chosen} granted={given !== undefined} seen={queued !== undefined} />}
      <AnswerPanel
        title={source.data ? shownOf(rows.length, all.length, (number) => plural(number, 'quota')) : 'Quotas'}
        source={source}
        beside={{ 'what is used': standing, 'what is granted': granted }}
        flush
        acts={
          <>
            <CopyCommand command="allot team list" />
            <ColumnsMenu columns={columns} />
          </>
        }
        empty={() =>
          rows.length ? null : all.length ? (
            <span>No quota is like that.</span>
          ) : (
            <>
              <strong>No team is guaranteed any accelerators</strong>
              <span>
                <code>allot team add NAME --accelerator a100=4</code> declares a team with some.
              </span>
            </>
          )
        }
      >
        {() => <Grid label="Quotas" rows={rows} columns={columns} keyOf={(each) => each.key} usual="team" open={open} here={search.about ?? ''} />}
      </AnswerPanel>
    </>
  )
}

const NONE: never[] = []
const Untold = () => <span className="faint">–</span>
const bound = (limit: number | null) => (limit === null ? <span className="faint">no bound</span> : count(limit))

function columnsOf(granted: boolean, seen: boolean): readonly Column<QuotaRow>[] {
  const live = (id: 'used' | 'borrowed' | 'lent', head: string): Column<QuotaRow> => ({
    id,
    head,
    width: '64px',
    number: true,
    roomy: id !== 'used',
    wide: id !== 'used',
    more: id === 'lent',
    sort: ({ terms }) => terms[id],
    cell: ({ terms }) => (terms[id] === null ? <Untold /> : count(terms[id])),
  })
  return [
    { id: 'team', head: 'Team', width: '112px', whole: true, sort: ({ team }) => team.name, cell: (row) => <Choose row={row} />, title: ({ team }) => team.displayName },
    { id: 'flavor', head: 'Flavor', width: '128px', whole: true, card: 'badge', sort: ({ terms }) => terms.flavor, cell: ({ terms }) => terms.flavor, title: ({ terms }) => `${terms.flavor} in ${terms.cluster}` },
    { id: 'cluster', head: 'Cluster', width: '160px', roomy: true, sort: ({ terms }) => terms.cluster, cell: ({ terms }) => <span className="faint"><Name of={terms.cluster} /></span>, title: ({ terms }) => terms.cluster },
    { id: 'bar', head: 'Used of guaranteed', roomy: true, card: 'whole', cell: ({ terms }) => (terms.used === null ? <span className="faint">{seen ? 'its queue is not seen' : ''}</span> : <QuotaBar nominal={terms.guaranteed} used={terms.used} limit={terms.limit} />) },
    {
      id: 'guaranteed',
      head: 'Guaranteed',
      width: '92px',
      number: true,
      sort: ({ terms }) => terms.guaranteed,
      cell: ({ terms, team }) => (
        <Link to="/teams/$team" params={{ team: team.name }} title={granted ? `${terms.own} of its own, ${terms.guaranteed - terms.own} by grants` : 'where it comes from'}>
          {count(terms.guaranteed)}
        </Link>
      ),
    },
    { id: 'borrows', head: 'May borrow', width: '98px', number: true, roomy: true, wide: true, sort: ({ declared }) => declared.borrowingLimit, cell: ({ declared }) => bound(declared.borrowingLimit) },
    { id: 'lends', head: 'Lends', width: '92px', number: true, roomy: true, wide: true, sort: ({ declared }) => declared.lendingLimit, cell: ({ declared }) => bound(declared.lendingLimit) },
    live('used', 'Used'),
    live('borrowed', 'Borrowed'),
    live('lent', 'Lent'),
    { id: 'waits', head: 'Waits', width: '64px', number: true, roomy: true, sort: (each) => each.pending, cell: (each) => (each.pending === null ? <Untold /> : count(each.pending)) },
  ]
}

function Choose({ row }: { row: QuotaRow }) {
  const [, change] = useList()
  return (
    <button type="button" className="link" onClick={() => change({ about: row.key, nominal: '', borrowing: '', lending: '' })}>
      {row.team.name}
    </button>
  )
}

/** One quota: where it comes from, other amounts, and what these would do. */
function Editor({ row, granted, seen }: { row: QuotaRow; granted: boolean; seen: boolean }) {
  const [search, change] = useList()
  const may = useMay('declare')
  const where = { ...useWhere(search), cluster: row.terms.cluster }
  const wanted = amountsWanted(row, search)
  const set = (some: Partial<Amounts>) => change({ ...addressOf(row, { ...wanted, ...some }), q: search.q ?? '' })
  const words = wordsOf(row, wanted)
  const settled = useSettled(words.join(' '), SETTLES)
  const wish = wishOf(row, wanted)
  const asked = useQuery({ ...whatIf(where, settled.split(' ').filter(Boolean), false), enabled: settled !== '' && words.length > 0 })
  // What is foreseen of other amounts is nobody's answer any more.
  const current = settled === words.join(' ')
  const foreseen = current ? sourceOf(asked) : { ...sourceOf(asked), data: undefined, trouble: null }
  const displaced = current ? asked.data?.document.preempted : undefined
  return (
    <>
      <section className="panel" aria-labelledby="quota">
        <header>
          <h2 id="quota">
            {row.team.name}: {row.terms.flavor} in {row.terms.cluster}
          </h2>
          <span className="grow" />
          <button type="button" className="act plain" onClick={() => change({ about: '', nominal: '', borrowing: '', lending: '' })}>
            Close
          </button>
        </header>
        <div className="body">
          {granted && seen && <Terms of={row.terms} team={row.team.name} />}
          <div className="steppers">
            <Stepper label="Guaranteed of its own" value={wanted.nominal} now={amountsNow(row).nominal} set={(nominal) => set({ nominal: nominal ?? 0 })} />
            <Stepper label="May borrow" value={wanted.borrowing} now={amountsNow(row).borrowing} set={(borrowing) => set({ borrowing })} bounds />
            <Stepper label="Lends at most" value={wanted.lending} now={amountsNow(row).lending} set={(lending) => set({ lending })} bounds />
            {wish && (
              <button type="button" className="act plain" onClick={() => set(amountsNow(row))}>
                Undo all
              </button>
            )}
          </div>
        </div>
      </section>
      {wish && !words.length && seen && (
        <section className="panel">
          <div className="empty">
            <strong>What it would do is not known</strong>
            <span>The queue of {row.team.name} in {row.terms.cluster} is not seen, so nobody knows who waits in it.</span>
          </div>
        </section>
      )}
      {words.length > 0 && (
        <Panel
          title="What it would do"
          source={foreseen}
          acts={<CopyCommand command={commandOf(row.terms.cluster, words)} />}
          partial={unknownOf}
        >
          {({ document }) => (
            <>
              <Sums told={document} />
              <Rests told={document} />
              <Displaced work={document.preempted} />
            </>
          )}
        </Panel>
      )}
      {wish && may && <ChangeQuota wish={wish} displaced={displaced} />}
      {wish && !may && (
        <section className="panel">
          <div className="empty">
            <strong>What a team is guaranteed stands in the platform directory</strong>
            <span>
              Administrators change it there. <Link to="/ask">Ask for GPUs</Link>, for a while or for good: they see then what it would do.
            </span>
          </div>
        </section>
      )}
      {foreseen.data && words.length > 0 && (
        <Panel
          title="Who starts when"
          source={foreseen}
          flush
          truncated={({ document }) => cutOf(document.jobs)}
          empty={({ document }) => (document.jobs.length ? null : <span>For nobody who waits anything changes.</span>)}
        >
          {({ document }) => <WhoStarts jobs={document.jobs} />}
        </Panel>
      )}
    </>
  )
}

/** What the same is on the command line. */
export function commandOf(cluster: string, words: readonly string[]): string {
  return ['allot whatif', `--on ${shellWord(cluster)}`, ...words.map((each) => `--change ${shellWord(each)}`)].join(' ')
}

/** A number that goes up and down by keys and buttons; bounds may be none. */
function Stepper({
  label,
  value,
  now,
  set,
  bounds = false,
}: {
  label: string
  value: number | null
  now: number | null
  set: (value: number | null) => void
  bounds?: boolean
}) {
  const said = value !== now ? (now === null ? 'no bound now' : `${count(now)} now`) : 'unchanged'
  return (
    <div className="field stepper" data-set={value !== now ? '' : undefined}>
      <label>
        <span className="label">{label}</span>
        <input
          type="number"
          min={0}
          max={99_999_999}
          value={value ?? ''}
          placeholder={bounds ? 'no bound' : ''}
          onChange={(event) => set(Number.isNaN(event.target.valueAsNumber) ? (bounds ? null : 0) : Math.max(0, Math.round(event.target.valueAsNumber)))}
        />
      </label>
      <span className="steps">
        <button type="button" className="act" aria-label={`Less: ${label}`} disabled={value === 0 || value === null} onClick={() => set(Math.max(0, (value ?? 0) - 1))}>
          −
        </button>
        <button type="button" className="act" aria-label={`More: ${label}`} onClick={() => set((value ?? 0) + 1)}>
          +
        </button>
        {bounds && (
          <button type="button" className="act plain" aria-pressed={value === null} onClick={() => set(null)}>
            No bound
          </button>
        )}
      </span>
      <span className={value !== now ? 'tone-wait' : 'faint'}>{said}</span>
    </div>
  )
}
