<?php
// Loaded before every PHP program of a check (PHP_INI_SCAN_DIR): PHPUnit and Pest are asked for a JUnit file beside
// what they print. Only their own process is: what a test starts reports nothing. Of every program it is noted at its
// end which of the files that it included lie in another checkout of the repository.
(static function (): void {
    $folder = dirname(__DIR__, 2);
    $places = PHP_SAPI === 'cli' ? @file($folder . '/checkouts', FILE_IGNORE_NEW_LINES) : false;
    if ($places === false) {
        return;
    }
    register_shutdown_function(static function () use ($folder, $places): void {
        $lies = static fn (string $file, string $place): bool => str_starts_with($file, $place . '/');
        $others = array_slice($places, 1);
        $found = array_filter(get_included_files(), static fn ($file) => !$lies($file, $places[0])
            && array_filter($others, static fn ($place) => $lies($file, $place)) !== []);
        if ($found !== []) {
            @file_put_contents(
                $folder . '/elsewhere/php-' . getmypid(),
                implode("\n", array_slice($found, 0, 200)) . "\n"
            );
        }
    });
})();
(static function (): void {
    $program = basename((string) ($_SERVER['argv'][0] ?? ''));
    $folder = dirname(__DIR__, 2);
    if (PHP_SAPI !== 'cli' || getenv('MAESTRO_REPORTING') !== false) {
        return;
    }
    if (!preg_match('/^(phpunit|pest|paratest|simple-phpunit)(-?[\d.]+)?(\.phar|\.php)?$/', $program)) {
        return;
    }
    foreach ($_SERVER['argv'] as $word) {
        if (preg_match('/^--(log-junit|version|help|list-|generate-configuration|migrate-configuration)|^-h$/', $word)) {
            return;
        }
    }
    putenv('MAESTRO_REPORTING=' . getmypid());
    $added = ['--log-junit', $folder . '/phpunit-' . getmypid() . '.xml'];
    array_splice($_SERVER['argv'], 1, 0, $added);
    $_SERVER['argc'] += 2;
    $GLOBALS['argv'] = $_SERVER['argv'];
    $GLOBALS['argc'] = $_SERVER['argc'];
})();
