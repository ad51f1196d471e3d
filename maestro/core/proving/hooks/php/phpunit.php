<?php
// Loaded before every PHP program of a check (PHP_INI_SCAN_DIR): PHPUnit and Pest are asked for a JUnit file beside
// what they print. Only their own process is: what a test starts reports nothing.
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
