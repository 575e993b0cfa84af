import { defineConfig } from '@playwright/test';
import type { Fixtures, WorkerFixtures } from './fixtures';

// Run by `make test`, or alone by `scripts/end2end`; both build the server first and name it in the environment.
//
// The same specs run on both databases. Those named *.no-js.spec.ts run once, with JavaScript off.
export default defineConfig<Fixtures, WorkerFixtures>({
  testDir: 'tests',
  fullyParallel: true,
  forbidOnly: !!process.env.CI,
  retries: 0,
  workers: 2,
  timeout: 120_000,
  expect: { timeout: 15_000 },
  reporter: [['list'], ['json', { outputFile: process.env.KEYWARD_TEST_RESULTS ?? 'test-results/results.json' }]],
  use: {
    viewport: { width: 1280, height: 800 },
    // Compressing the debug build's WebAssembly takes seconds for every page.
    extraHTTPHeaders: { 'accept-encoding': 'identity' },
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env.CHROMIUM,
      args: [
        // Chromium's sandbox does not work for root.
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
        // Nothing leaves the machine during a test.
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--disable-quic',
        // A microphone that beeps, and nobody to be asked about it.
        '--use-fake-device-for-media-stream',
        '--use-fake-ui-for-media-stream',
      ],
    },
  },
  projects: [
    { name: 'sqlite', testIgnore: '**/*.no-js.spec.ts', use: { engine: 'sqlite' } },
    { name: 'postgres', testIgnore: '**/*.no-js.spec.ts', use: { engine: 'postgres' } },
    { name: 'no-js', testMatch: '**/*.no-js.spec.ts', use: { engine: 'sqlite', javaScriptEnabled: false } },
  ],
});
