import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, RouterProvider } from '@tanstack/react-router'
import { StrictMode, useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { asTrouble, Trouble } from './api/problem'
import { status, whoami } from './api/queries'
import { comeIn, comesIn, onSignedOut, pageKey } from './api/session'
import './look/index.css'
import { Skeleton } from './parts/panel'
import { AskPage, askSearch } from './screens/ask'
import { Backends } from './screens/backends'
import { Nowhere, SignedOut } from './screens/door'
import { Frame } from './screens/frame'
import { Home } from './screens/home'
import { JobPage, jobSearch } from './screens/job'
import { Jobs } from './screens/jobs'
import { leaveSearch, onboardSearch } from './screens/team_search'
import { RequestPage } from './screens/request'
import { requestSearch } from './screens/request_search'
import { Requests } from './screens/requests'
import { Submit } from './screens/submit'
import { submitSearch } from './screens/submit_search'
import { listSearch } from './store/list'
import { LiveProvider } from './store/live'
import { showTheme } from './store/settings'

const root = createRootRoute({ component: Frame })
const tree = root.addChildren([
  createRoute({ getParentRoute: () => root, path: '/', component: Home }),
  createRoute({ getParentRoute: () => root, path: '/jobs', component: Jobs, validateSearch: listSearch }),
  createRoute({ getParentRoute: () => root, path: '/jobs/$id', component: JobPage, validateSearch: jobSearch }),
  createRoute({ getParentRoute: () => root, path: '/submit', component: Submit, validateSearch: submitSearch }),
  createRoute({ getParentRoute: () => root, path: '/requests', component: Requests, validateSearch: listSearch }),
  createRoute({ getParentRoute: () => root, path: '/requests/$id', component: RequestPage, validateSearch: requestSearch }),
  createRoute({ getParentRoute: () => root, path: '/ask', component: AskPage, validateSearch: askSearch }),
  createRoute({ getParentRoute: () => root, path: '/onboard', component: lazyRouteComponent(() => import('./screens/onboarding'), 'Onboard'), validateSearch: onboardSearch }),
  createRoute({ getParentRoute: () => root, path: '/leave', component: lazyRouteComponent(() => import('./screens/leaving'), 'Leave'), validateSearch: leaveSearch }),
  createRoute({ getParentRoute: () => root, path: '/books', component: lazyRouteComponent(() => import('./screens/books'), 'Books'), validateSearch: listSearch }),
  createRoute({ getParentRoute: () => root, path: '/backends', component: Backends, validateSearch: listSearch }),
  // The engineer's screens come when somebody goes there.
  createRoute({ getParentRoute: () => root, path: '/overview', component: lazyRouteComponent(() => import('./screens/overview'), 'Overview'), validateSearch: listSearch }),
  createRoute({ getParentRoute: () => root, path: '/fleet', component: lazyRouteComponent(() => import('./screens/fleet'), 'Fleet'), validateSearch: listSearch }),
  createRoute({ getParentRoute: () => root, path: '/accelerators', component: lazyRouteComponent(() => import('./screens/accelerators'), 'Accelerators'), validateSearch: listSearch }),
  createRoute({ getParentRoute: () => root, path: '/queues', component: lazyRouteComponent(() => import('./screens/queues'), 'QueuesPage'), validateSearch: listSearch }),
  createRoute({ getParentRoute: () => root, path: '/quotas', component: lazyRouteComponent(() => import('./screens/quotas'), 'Quotas'), validateSearch: listSearch }),
  createRoute({ getParentRoute: () => root, path: '/simulate', component: lazyRouteComponent(() => import('./screens/simulate'), 'Simulate'), validateSearch: listSearch }),
  createRoute({ getParentRoute: () => root, path: '/drift', component: lazyRouteComponent(() => import('./screens/drift'), 'Drift'), validateSearch: listSearch }),
  createRoute({ getParentRoute: () => root, path: '/waiting', component: lazyRouteComponent(() => import('./screens/waiting'), 'Waiting'), validateSearch: listSearch }),
  createRoute({ getParentRoute: () => root, path: '/teams', component: lazyRouteComponent(() => import('./screens/teams'), 'Teams'), validateSearch: listSearch }),
  createRoute({ getParentRoute: () => root, path: '/teams/$team', component: lazyRouteComponent(() => import('./screens/teams'), 'TeamPage'), validateSearch: listSearch }),
  createRoute({ getParentRoute: () => root, path: '/waste', component: lazyRouteComponent(() => import('./screens/waste'), 'WastePage'), validateSearch: listSearch }),
  createRoute({ getParentRoute: () => root, path: '/policies', component: lazyRouteComponent(() => import('./screens/policies'), 'Policies'), validateSearch: listSearch }),
  createRoute({ getParentRoute: () => root, path: '/clusters', component: lazyRouteComponent(() => import('./screens/clusters'), 'Clusters'), validateSearch: listSearch }),
  createRoute({ getParentRoute: () => root, path: '/audit', component: lazyRouteComponent(() => import('./screens/audit'), 'Audit'), validateSearch: listSearch }),
  createRoute({ getParentRoute: () => root, path: '/help', component: lazyRouteComponent(() => import('./screens/help'), 'Help'), validateSearch: listSearch }),
  createRoute({ getParentRoute: () => root, path: '/help/$code', component: lazyRouteComponent(() => import('./screens/help'), 'CausePageScreen'), validateSearch: listSearch }),
])
const router = createRouter({ routeTree: tree, scrollRestoration: true, defaultNotFoundComponent: Nowhere })

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      gcTime: 30 * 60_000,
      // What fails in passing is asked for again within the patience of a call, and not beyond it.
      retry: false,
      // A browser that takes itself for offline would be waited for without an end.
      networkMode: 'always',
      refetchOnWindowFocus: false,
    },
  },
})

/** Nobody is known until the server has said who asks. */
function Portal() {
  const [known, setKnown] = useState<boolean | null>(null)
  const [trouble, setTrouble] = useState<Trouble | null>(null)
  const [entering] = useState(comesIn)
  useEffect(() => {
    let out = false
    onSignedOut(() => {
      // Whatever was asked meanwhile is refused as well, and takes nothing of what the door has asked for.
      if (out) return
      out = true
      queries.clear()
      setKnown(false)
    })
    void (async () => {
      try {
        await comeIn()
        // Home shows it to everybody: it is on its way before it is known who asks.
        if (pageKey()) void queries.prefetchQuery(status)
        await queries.fetchQuery(whoami)
        setKnown(true)
      } catch (error) {
        // What was asked is called off with all else once nobody is known: that is no trouble.
        setTrouble(out ? null : asTrouble(error))
        setKnown(false)
      }
    })()
  }, [])
  if (known === false) return <SignedOut trouble={trouble} />
  // Whoever has a session already need not wait to be known before the first jobs are on their way.
  if (known === null && (entering || !pageKey())) return <Skeleton lines={6} />
  return <LiveProvider>{known ? <RouterProvider router={router} /> : <Skeleton lines={6} />}</LiveProvider>
}

showTheme()
const place = document.getElementById('root')
if (place)
  createRoot(place).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <Portal />
      </QueryClientProvider>
    </StrictMode>,
  )
