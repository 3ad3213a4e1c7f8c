import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { useMemo } from 'react'
import type { DeclaredTeam, Queues } from '../answers/documents'
import { declaredTeams, holdings, queues, type Told, waste } from '../answers/queries'
import { isDevice } from '../answers/queue_tree'
import { type GrantTerm, type QuotaTerms, termsOf } from '../answers/quota_terms'
import { allOf, type Amounts, amountsOf, devicesIn } from '../answers/slots'
import { isLost } from '../answers/waste_rows'
import { declaredFiles, grants, people, whoami } from '../api/queries'
import type { TeamGrant, ToldPerson } from '../api/schema'
import { AnswerPanel, useAnswer } from '../parts/answer'
import { KindBar, KindLegend, QuotaBar } from '../parts/bars'
import { CopyAnswer, CopyCommand, shellWord } from '../parts/copy'
import { type Column, ColumnsMenu, Grid, shownOf } from '../parts/grid'
import { Ago } from '../parts/moment'
import { Panel, type Source, sourceOf } from '../parts/panel'
import { matching, sorted } from '../parts/sorting'
import { Person, Work } from '../parts/work'
import { useList } from '../store/list'
import { useMay } from '../store/may'
import { count, money, plural } from '../words/format'
import { TeamMonth } from './balance'
import { Filters, useWhere } from './filters'
import { Grants } from './grants'
import { FilteredLink } from './jobs'
import { mayLeave } from './leaving'

interface TeamRow {
  readonly team: DeclaredTeam
  readonly guaranteed: number
  readonly used: number | null
  readonly borrowed: number | null
  readonly pending: number | null
  readonly amounts: Amounts | null
  readonly idle: number | null
  /** An hour, in millionths; null where no price is known, or nothing is told yet. */
  readonly cost: number | null
}

/** Teams with what they are guaranteed, hold and cost. */
export function Teams() {
  const [search] = useList()
  const navigate = useNavigate()
  const where = useWhere(search)
  const source = useAnswer(declaredTeams(where))
  const standing = useAnswer(queues(where))
  const month = useAnswer(waste(where))
  const queued = standing.data?.document.items
  const told = month.data?.document
  const all = useMemo<readonly TeamRow[]>(
    () =>
      (source.data?.document.items ?? []).map((team) => {
        const own = queued?.filter((each) => each.clusterQueue === team.id)
        const uses = own?.flatMap((each) => each.quotas.filter((use) => isDevice(use.resource)))
        const entries = told?.entries.filter((each) => each.team === team.name)
        const amounts = entries ? amountsOf(entries) : null
        const priced = entries?.filter((each) => each.cost !== null) ?? []
        return {
          team,
          guaranteed: team.placements.reduce((sum, place) => sum + place.accelerators.reduce((one, each) => one + each.nominal, 0), 0),
          used: uses ? uses.reduce((sum, each) => sum + each.used, 0) : null,
          borrowed: uses ? uses.reduce((sum, each) => sum + each.borrowed, 0) : null,
          pending: own ? own.reduce((sum, each) => sum + each.pending, 0) : null,
          amounts,
          idle: amounts ? amounts.idle : null,
          cost: priced.length || entries?.length === 0 ? priced.reduce((sum, each) => sum + (each.cost ?? 0), 0) : null,
        }
      }),
    [source.data, queued, told],
  )
  const rows = matching(all, search.q, ({ team }) => `${team.name} ${team.displayName} ${team.costCenter} ${team.projects.join(' ')}`)
  const most = Math.max(1, ...all.map((each) => (each.amounts ? allOf(each.amounts) : 0)))
  const columns = useMemo(() => columnsOf(told?.currency ?? '', most), [told, most])
  return (
    <>
      <div className="head">
        <h1>Teams</h1>
        <Filters text="Team, cost centre, project" />
        <span className="grow" />
        {useMay('request') && (
          <Link to="/onboard" className="act">
            Bring in a team
          </Link>
        )}
      </div>
      <AnswerPanel
        title={source.data ? shownOf(rows.length, all.length, (number) => plural(number, 'team')) : 'Teams'}
        source={source}
        beside={{ 'what is used': standing, 'what it costs': month }}
        flush
        acts={
          <>
            <CopyCommand command="allot team list" />
            <ColumnsMenu columns={columns} />
          </>
        }
        empty={() =>
          rows.length ? null : all.length ? (
            <span>No team is called so.</span>
          ) : (
            <>
              <strong>No team is declared</strong>
              <span>
                <code>allot team add NAME</code> declares one, <code>allot apply</code> gives it its queues.
              </span>
            </>
          )
        }
      >
        {() => (
          <>
            {told && (
              <KindLegend amounts={amountsOf(told.entries.filter((each) => each.team))}>
                <span>All bars have one scale; the longest is {plural(most, 'GPU')}.</span>
              </KindLegend>
            )}
            <Grid
              label="Teams"
              rows={rows}
              columns={columns}
              keyOf={(each) => each.team.name}
              usual="name"
              open={(each) => void navigate({ to: '/teams/$team', params: { team: each.team.name } })}
            />
          </>
        )}
      </AnswerPanel>
    </>
  )
}

const Untold = () => <span className="faint">–</span>

function columnsOf(currency: string, most: number): readonly Column<TeamRow>[] {
  const amount = (id: 'used' | 'borrowed' | 'pending' | 'idle', head: string): Column<TeamRow> => ({
    id,
    head,
    width: '84px',
    number: true,
    roomy: id !== 'used',
    wide: id === 'borrowed' || id === 'idle',
    sort: (each) => each[id],
    cell: (each) => (each[id] === null ? <Untold /> : count(each[id])),
  })
  return [
    {
      id: 'name',
      head: 'Team',
      width: '136px',
      whole: true,
      sort: (each) => each.team.name,
      cell: ({ team }) => (
        <Link to="/teams/$team" params={{ team: team.name }}>
          {team.name}
        </Link>
      ),
      title: ({ team }) => team.displayName,
    },
    { id: 'display', head: 'Called', width: '16%', roomy: true, more: true, card: 'badge', sort: (each) => each.team.displayName, cell: (each) => each.team.displayName },
    { id: 'bar', head: 'What it holds', roomy: true, card: 'whole', cell: (each) => (each.amounts ? <KindBar amounts={each.amounts} most={most} /> : <Untold />) },
    { id: 'guaranteed', head: 'Guaranteed', width: '92px', number: true, sort: (each) => each.guaranteed, cell: (each) => count(each.guaranteed) },
    amount('used', 'Used'),
    amount('borrowed', 'Borrowed'),
    amount('idle', 'Idle'),
    amount('pending', 'Waits'),
    {
      id: 'cost',
      head: 'Costs an hour',
      width: '116px',
      number: true,
      sort: (each) => each.cost,
      cell: (each) => (each.amounts === null ? <Untold /> : each.cost === null ? <span className="faint">no price</span> : money(each.cost, currency)),
    },
    { id: 'center', head: 'Cost centre', width: '10%', roomy: true, wide: true, sort: (each) => each.team.costCenter, cell: (each) => each.team.costCenter },
    { id: 'isolation', head: 'Isolation', width: '10%', roomy: true, more: true, sort: (each) => each.team.isolation, cell: (each) => each.team.isolation },
  ]
}

/** One team: where its quota comes from, who is in it, what it holds and costs. */
export function TeamPage() {
  const { team: name } = useParams({ from: '/teams/$team' })
  const [search] = useList()
  const where = useWhere(search)
  const source = useAnswer(declaredTeams(where))
  const held = useAnswer(holdings(where)).data
  const team = source.data?.document.items.find((each) => each.name === name)
  const granted = sourceOf(useQuery(grants))
  const standing = useAnswer(queues(where))
  const me = useQuery(whoami).data
  return (
    <>
      <div className="head">
        <h1>{team?.displayName || name}</h1>
        <span className="faint">
          {[team && team.displayName !== '' && team.displayName !== name && name, team && `cost centre ${team.costCenter}`, team && `isolated by ${team.isolation}`].filter(Boolean).join(' · ')}
        </span>
        <Filters />
        <span className="acts">
          <FilteredLink search={{ team: name }} className="act">
            Its jobs
          </FilteredLink>
          {team && mayLeave(me, [name]).length > 0 && (
            <Link to="/leave" search={{ team: name }} className="act">
              Have it leave
            </Link>
          )}
          <CopyAnswer command={`allot who --team ${shellWord(name)}`} of={held} />
        </span>
      </div>
      <AnswerPanel
        title="Quota, term by term"
        source={source}
        beside={{ 'what is used': standing, 'what is granted': granted }}
        flush
        empty={() => (team ? null : <Unknown name={name} />)}
      >
        {() => team && <Derivation team={team} granted={granted} standing={standing} />}
      </AnswerPanel>
      <div className="columns">
        <TeamMonth name={name} />
        <Costs name={name} />
      </div>
      <div className="columns">
        <Grants team={name} acts={<Link to="/requests" search={{ team: name }}>All requests</Link>} />
      </div>
      <Declared name={name} team={team} />
      <div className="columns">
        <Held name={name} />
        <AnswerPanel title="Members" source={source} empty={() => (team ? null : <Unknown name={name} />)}>
          {() => team && <Members team={team} />}
        </AnswerPanel>
      </div>
    </>
  )
}

function Unknown({ name }: { name: string }) {
  return (
    <>
      <strong>No team is called {name}</strong>
      <span>
        <Link to="/teams">Teams</Link> lists those that are declared and that you may see.
      </span>
    </>
  )
}

interface DerivationProps {
  readonly team: DeclaredTeam
  readonly granted: Source<readonly TeamGrant[]>
  readonly standing: Source<Told<Queues>>
}

function Derivation({ team, granted, standing }: DerivationProps) {
  const terms = useMemo(
    () => sorted(termsOf(team, granted.data ?? [], standing.data?.document.items ?? []), (each) => each.used, true),
    [team, granted.data, standing.data],
  )
  if (!terms.length)
    return (
      <div className="empty">
        <strong>It is guaranteed no accelerators</strong>
        <span>
          <Link to="/ask">Ask for some</Link>, for a while or for good.
        </span>
      </div>
    )
  const waits = [granted, standing].some((each) => each.data === undefined && !each.trouble)
  const unknown = !waits && (granted.data === undefined || standing.data === undefined)
  return (
    <div className="scroll">
      <table className="table cards">
        <thead>
          <tr>
            <th style={{ width: '16%' }}>Flavor</th>
            <th className="roomy" style={{ width: '16%' }}>
              Cluster
            </th>
            <th>Own + granted − taken + borrowed − used</th>
            <th className="number" style={{ width: 84 }}>
              Left
            </th>
            <th className="roomy wide" style={{ width: '20%' }}>
              Used of guaranteed
            </th>
          </tr>
        </thead>
        <tbody>
          {terms.map((each) => (
            <tr key={`${each.cluster}/${each.flavor}`}>
              <td className="whole card-title" title={`${each.flavor} in ${each.cluster}`}>
                {each.flavor}
              </td>
              <td className="whole roomy faint card-badge" title={each.cluster}>
                {each.cluster}
              </td>
              <td className="two-lines card-whole">{waits ? <span className="skeleton" style={{ display: 'block', width: 160 }} /> : unknown ? <Untold /> : <Terms of={each} team={team.name} />}</td>
              <td className="number" data-head="Left">
                {waits || unknown || each.left === null ? <Untold /> : <b className={each.left > 0 ? 'tone-good' : ''}>{count(each.left)}</b>}
              </td>
              <td className="roomy wide card-whole">
                {each.used === null ? <span className="faint">{standing.data ? 'its queue is not seen' : ''}</span> : <QuotaBar nominal={each.guaranteed} used={each.used} limit={each.limit} />}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

export function Terms({ of, team }: { of: QuotaTerms; team: string }) {
  const term = (sign: string, each: GrantTerm) => (
    <span key={each.grant.id}>
      <span className="sign">{sign}</span>{' '}
      <Link to="/requests/$id" params={{ id: each.grant.id }} title={`grant ${each.grant.id} of ${each.grant.team}`}>
        <b>{count(each.devices)}</b> {sign === '+' ? 'granted' : `taken by ${each.grant.team}`}
      </Link>
    </span>
  )
  return (
    <span className="terms">
      {/* What it has without any grant is declared, on the page of the team alone. */}
      <Link to="/teams/$team" params={{ team }} hash="declared" title={`what ${team} has without any grant`}>
        <b>{count(of.own)}</b> own
      </Link>
      {of.grants.map((each) => term('+', each))}
      {of.taken.map((each) => term('−', each))}
      {of.borrowed !== null && (
        <span>
          <span className="sign">+</span>{' '}
          <Link to="/queues" search={{ q: of.queue, cluster: of.cluster }}>
            <b>{count(of.borrowed)}</b> borrowed
          </Link>
        </span>
      )}
      {of.used !== null && (
        <span>
          <span className="sign">−</span>{' '}
          <Link to="/accelerators" search={{ team, cluster: of.cluster }}>
            <b>{count(of.used)}</b> used
          </Link>
        </span>
      )}
      {of.lent !== null && of.lent > 0 && (
        <span className="faint">
          of it{' '}
          <Link to="/queues" search={{ q: of.queue, cluster: of.cluster }}>
            {count(of.lent)} lent
          </Link>
        </span>
      )}
      {of.nominal !== null && of.nominal !== of.guaranteed && (
        <span className="tone-wait">the cluster guarantees {count(of.nominal)}, the directory {count(of.guaranteed)}</span>
      )}
    </span>
  )
}

/** What the platform directory says of a team: its file, where the server tells of files, or what it comes to. */
function Declared({ name, team }: { name: string; team: DeclaredTeam | undefined }) {
  const source = sourceOf(useQuery(declaredFiles))
  const file = Object.entries(source.data ?? {}).find(([path, text]) => path.startsWith('teams/') && new RegExp(`^name:\\s*${name}\\s*$`, 'm').test(text))
  return (
    <div id="declared">
      <Panel
        title={file ? file[0] : 'As declared'}
        source={source}
        flush
        acts={<CopyCommand command={`allot explain team.placements`} />}
        empty={() => (file || team ? null : <Unknown name={name} />)}
      >
        {() =>
          file ? (
            <details className="file">
              <summary>{plural(file[1].split('\n').length, 'line')} of the platform directory</summary>
              <pre>{file[1]}</pre>
            </details>
          ) : (
            team && <Placements of={team} />
          )
        }
      </Panel>
    </div>
  )
}

function Placements({ of }: { of: DeclaredTeam }) {
  return (
    <table className="table cards">
      <thead>
        <tr>
          <th style={{ width: '26%' }}>Flavor</th>
          <th>Cluster</th>
          {['Guaranteed', 'Borrows', 'Lends'].map((each) => (
            <th key={each} className="number" style={{ width: 96 }}>
              {each}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {of.placements.flatMap((place) =>
          place.accelerators.map((each) => (
            <tr key={`${place.cluster}/${each.flavor}`}>
              <td className="card-title">{each.flavor}</td>
              <td className="faint card-badge">{place.cluster}</td>
              <td className="number" data-head="Guaranteed">
                {count(each.nominal)}
              </td>
              <td className="number" data-head="Borrows">
                {each.borrowingLimit === null ? 'no bound' : count(each.borrowingLimit)}
              </td>
              <td className="number" data-head="Lends">
                {each.lendingLimit === null ? 'no bound' : count(each.lendingLimit)}
              </td>
            </tr>
          )),
        )}
      </tbody>
    </table>
  )
}

function Costs({ name }: { name: string }) {
  const [search] = useList()
  const source = useAnswer(waste(useWhere(search)))
  return (
    <AnswerPanel
      title="What it holds, and what that costs"
      source={source}
      acts={<Link to="/waste" search={{ by: 'node', team: name }}>By node</Link>}
      empty={(document) => (document.entries.some((each) => each.team === name) ? null : <span>It holds no accelerators at present.</span>)}
    >
      {(document) => {
        const own = document.entries.filter((each) => each.team === name)
        const cost = (of: typeof own) => of.reduce((sum, each) => sum + (each.cost ?? 0), 0)
        const lost = own.filter(isLost)
        const unpriced = devicesIn(own.filter((each) => each.cost === null).reduce((sum, each) => sum + each.gpuMs, 0))
        const currency = document.currency ?? ''
        return (
          <>
            <div className="figures">
              <div className="figure">
                <b>{count(devicesIn(own.reduce((sum, each) => sum + each.gpuMs, 0)))}</b>
                <span>GPUs held</span>
              </div>
              <div className="figure">
                <b>{money(cost(own), currency)}</b>
                <span>an hour</span>
              </div>
              <div className="figure">
                <b>{money(cost(lost), currency)}</b>
                <span>of that to no use</span>
              </div>
            </div>
            <div style={{ padding: '12px 0 4px' }}>
              <KindBar amounts={amountsOf(own)} tall />
            </div>
            {unpriced > 0 && <span className="age">{count(unpriced)} GPUs have no price, and are in no sum</span>}
          </>
        )
      }}
    </AnswerPanel>
  )
}

const SHOWN = 8

function Held({ name }: { name: string }) {
  const [search] = useList()
  const source = useAnswer(holdings(useWhere(search)))
  const own = (items: readonly { readonly team: string }[]) => items.filter((each) => each.team === name).length
  return (
    <AnswerPanel
      title="Its largest holds"
      source={source}
      flush
      acts={<Link to="/accelerators" search={{ team: name }}>All</Link>}
      truncated={(document) => (own(document.items) > SHOWN ? `${SHOWN} of ${plural(own(document.items), 'hold')}` : null)}
      empty={(document) => (own(document.items) ? null : <span>It holds nothing at present.</span>)}
    >
      {(document) => (
        <table className="table cards">
          <tbody>
            {sorted(
              document.items.filter((each) => each.team === name),
              (each) => each.devices,
              true,
            )
              .slice(0, SHOWN)
              .map((each, number) => (
                <tr key={number}>
                  <td className="most card-title" title={[each.job, each.person].filter(Boolean).join(' of ')}>
                    <Work of={each.job} brief />{' '}
                    <span className="faint">
                      <Person of={each.person} />
                    </span>
                  </td>
                  <td className="number card-badge">
                    {count(each.devices)} {each.accelerator}
                  </td>
                  <td className="number">
                    {each.idleDevices === null ? <span className="faint">no telemetry</span> : each.idleDevices ? <span className="tone-wait">{count(each.idleDevices)} idle</span> : <span className="faint">at work</span>}
                  </td>
                </tr>
              ))}
          </tbody>
        </table>
      )}
    </AnswerPanel>
  )
}

/** People of a team's groups, as far as they have signed in, and the groups themselves. */
export function peopleOf(team: DeclaredTeam, rows: readonly ToldPerson[]): readonly { readonly person: ToldPerson; readonly as: string }[] {
  const roles = [
    ['owner', team.groups.owners],
    ['member', team.groups.members],
    ['viewer', team.groups.viewers],
  ] as const
  return rows.flatMap((person) => {
    const role = roles.find(([, groups]) => groups.some((each) => person.groups.includes(each)))
    return role ? [{ person, as: role[0] }] : []
  })
}

function Members({ team }: { team: DeclaredTeam }) {
  const may = useQuery(whoami).data?.permissions.includes('people') ?? false
  const page = useQuery({ ...people, enabled: may }).data
  const found = page ? peopleOf(team, page.rows) : []
  const groups = Object.entries(team.groups).filter(([, each]) => each.length)
  return (
    <>
      <dl className="facts">
        {groups.map(([role, names]) => (
          <div key={role} style={{ display: 'contents' }}>
            <dt>{role}</dt>
            <dd>{names.join(', ')}</dd>
          </div>
        ))}
        {team.contacts.map((each) => (
          <div key={each.address} style={{ display: 'contents' }}>
            <dt>{each.kind}</dt>
            <dd>{each.address}</dd>
          </div>
        ))}
        <dt>projects</dt>
        <dd>{team.projects.join(', ') || 'none'}</dd>
        <dt>namespaces</dt>
        <dd>{team.namespaces.join(', ')}</dd>
        <dt>priorities</dt>
        <dd>{team.priorities.join(', ')}</dd>
      </dl>
      {may && page && (
        <table className="table" style={{ marginTop: 12 }}>
          <thead>
            <tr>
              <th>Has signed in</th>
              <th style={{ width: 90 }}>As</th>
              <th style={{ width: 120 }}>Seen</th>
            </tr>
          </thead>
          <tbody>
            {found.map(({ person, as }) => (
              <tr key={person.id}>
                <td title={person.name}>{person.email || person.name}</td>
                <td>{as}</td>
                <td className="faint">
                  <Ago at={person.seen} />
                </td>
              </tr>
            ))}
            {!found.length && (
              <tr>
                <td colSpan={3} className="faint">
                  nobody of its groups has signed in yet
                </td>
              </tr>
            )}
          </tbody>
        </table>
      )}
    </>
  )
}
