import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// Every part in every state, for the tests alone: nothing of it is in what is served.
export default defineConfig({
  plugins: [react()],
  base: './',
  build: { target: 'es2023', modulePreload: { polyfill: false }, rolldownOptions: { input: 'gallery.html' } },
})
