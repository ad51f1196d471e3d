# Loaded before every Ruby program of a check (RUBYOPT): where RSpec, Minitest or test-unit is loaded, it notes how each
# test ended, one line of JSON a test. What they print, and their exit codes, stay their own.
module MaestroReports
  FOLDER = File.dirname(__dir__)
  OWN = Process.pid.to_s

  class << self
    def inside?
      above = ENV['MAESTRO_REPORTING']
      above && above != OWN
    end

    def start(kind)
      ENV['MAESTRO_REPORTING'] = OWN
      @path = "#{FOLDER}/#{kind}-#{OWN}.jsonl"
      line(kind: kind)
    end

    def line(data)
      require 'json'
      File.open(@path, 'a') { |out| out.write(JSON.generate(data) + "\n") }
    rescue StandardError
      nil # judged by what it prints and how it ends, then
    end

    def test(file, names, outcome)
      line(file: file && File.expand_path(file), names: names, outcome: outcome)
    end

    def look
      return if inside?
      rspec if !@rspec && defined?(::RSpec::Core::Configuration) && ::RSpec.respond_to?(:configure)
      minitest if !@minitest && defined?(::Minitest) && ::Minitest.respond_to?(:extensions)
      test_unit if !@test_unit && defined?(::Test::Unit::TestCase) && ::Test::Unit::TestCase.method_defined?(:run)
    rescue StandardError
      nil
    end

    private

    def rspec
      @rspec = true
      ::RSpec.configure do |config|
        config.before(:suite) { MaestroReports.listen_to(config.reporter) }
      end
    end

    def minitest
      @minitest = true
      ::Minitest.extensions << 'maestro'
      ::Minitest.define_singleton_method(:plugin_maestro_init) { |_options| reporter << MaestroReports.minitest_reporter }
    end

    def test_unit
      @test_unit = true
      ::Test::Unit::TestCase.prepend(TestUnit)
    end

    public

    def listen_to(reporter)
      return if inside?
      start('rspec')
      reporter.register_listener(RSpecListener.new, :example_passed, :example_failed, :example_pending)
    end

    def minitest_reporter
      start('minitest') unless inside?
      Class.new(::Minitest::AbstractReporter) do
        def record(result)
          return if MaestroReports.inside?
          file = (result.source_location || []).first if result.respond_to?(:source_location)
          name = result.respond_to?(:klass) ? result.klass : result.class.name
          outcome = result.skipped? ? 'skipped' : result.passed? ? 'passed' : 'failed'
          # Specs are numbered in the order they stand in.
          MaestroReports.test(file, ["#{name}##{result.name.sub(/\Atest_\d{4}_/, 'test_')}"], outcome)
        end
      end.new
    end
  end

  class RSpecListener
    { passed: 'passed', failed: 'failed', pending: 'skipped' }.each do |event, outcome|
      define_method("example_#{event}") do |told|
        example = told.example
        MaestroReports.test(example.metadata[:absolute_file_path] || example.file_path, [example.full_description], outcome)
      end
    end
  end

  module TestUnit
    def run(result, *rest, &block)
      return super if MaestroReports.inside?
      MaestroReports.start('test-unit') unless ENV['MAESTRO_REPORTING']
      before = result.faults.size
      super
    ensure
      unless MaestroReports.inside?
        kinds = (result.faults[before..-1] || []).map { |fault| fault.class.name.split('::').last }
        outcome = (kinds & %w[Failure Error]).any? ? 'failed' : (kinds & %w[Omission Pending]).any? ? 'skipped' : 'passed'
        file = method(@method_name).source_location.first rescue nil
        MaestroReports.test(file, [name], outcome)
      end
    end
  end
end

# At the end of a program: which of the files that it required lie in another checkout of the repository.
begin
  maestro_here, *maestro_others = File.readlines("#{MaestroReports::FOLDER}/checkouts").map { |line| "#{line.chomp}/" }
  at_exit do
    begin
      found = $LOADED_FEATURES.map { |file| File.realpath(file) rescue file }
      found = found.select { |file| !file.start_with?(maestro_here) && maestro_others.any? { |place| file.start_with?(place) } }
      File.write("#{MaestroReports::FOLDER}/elsewhere/ruby-#{Process.pid}", found.first(200).join("\n") + "\n") if found.any?
    rescue StandardError
      nil
    end
  end
rescue StandardError
  nil
end

verbose, $VERBOSE = $VERBOSE, nil # it would tell of the method that is replaced
module Kernel
  maestro_require = instance_method(:require)
  define_method(:require) do |path|
    loaded = maestro_require.bind(self).call(path)
    MaestroReports.look if path.to_s.match?(%r{\A(minitest|rspec|test/unit|test-unit)|/(minitest|rspec/core)(/|\.rb|\z)})
    loaded
  end
  private :require
end
$VERBOSE = verbose
