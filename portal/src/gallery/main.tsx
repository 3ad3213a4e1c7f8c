import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { createMemoryHistory, createRootRoute, createRouter, RouterProvider } from '@tanstack/react-router'
import { StrictMode, type ReactNode } from 'react'
import { createRoot } from 'react-dom/client'
import '../look/index.css'
import { Toasts } from '../parts/toasts'
import { listSearch } from '../store/list'
import { Bars, Sparks } from './charts'
import { Controls, Forms, Sheets, Told } from './controls'
import { Lists, Logs } from './lists'
import { Panels } from './panels'
import { States, Texts } from './words'

/** Every part of the portal in every state that it has. A picture of it is compared in the tests. */
function Gallery() {
  return (
    <main className="gallery">
      <h1>Parts</h1>
      <Part name="Panels">
        <Panels />
      </Part>
      <Part name="States">
        <States />
      </Part>
      <Part name="Bars">
        <Bars />
      </Part>
      <Part name="Trends">
        <Sparks />
      </Part>
      <Part name="Lists">
        <Lists />
      </Part>
      <Part name="Logs">
        <Logs />
      </Part>
      <Part name="Controls">
        <Controls />
      </Part>
      <Part name="Forms">
        <Forms />
      </Part>
      <Part name="Texts">
        <Texts />
      </Part>
      <Told />
      <Toasts />
      {location.hash === '#sheet' && <Sheets />}
    </main>
  )
}

function Part({ name, children }: { name: string; children: ReactNode }) {
  return (
    <section data-part={name}>
      <h2>{name}</h2>
      {children}
    </section>
  )
}

const root = createRootRoute({ component: Gallery, validateSearch: listSearch })
const router = createRouter({ routeTree: root, history: createMemoryHistory({ initialEntries: ['/?sort=-gpus'] }) })
const place = document.getElementById('root')
if (place)
  createRoot(place).render(
    <StrictMode>
      <QueryClientProvider client={new QueryClient()}>
        <RouterProvider router={router as never} />
      </QueryClientProvider>
    </StrictMode>,
  )
