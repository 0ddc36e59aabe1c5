#!/usr/bin/perl
# oci-stop SERVICE: sends the main process of a service its stop signal, and waits until the process has ended. When the time for a
# stop is up, it kills the process.
#
# systemd would do the same, but it cannot wait for every process 1 of a namespace: where it heard of the process while its parent
# still lived, it takes the process for "not our child", and sends SIGKILL directly after the stop signal (systemd 257 and 262).
# The signal, the time and the choice of processes are those of the service's unit (systemd.kill(5)), drop-ins included.
use strict;
use warnings;

# These are the same on every architecture.
use constant { PIDFD_SEND_SIGNAL => 424, PIDFD_OPEN => 434 };
use constant { SIGKILL => 9, SIGCONT => 18 };
# A process that SIGKILL does not end within this many seconds waits for a device: systemd goes on without it, and so does this.
use constant PATIENCE => 10;

@ARGV == 1 or die "usage: oci-stop SERVICE\n";
my ($service) = @ARGV;
my $descriptor = -1;
end_process();

# Until its process has ended, the service is active, and a start of it does nothing. If one came meanwhile, and no stop after it, then
# the job of this unit is to start again, too.
if (open(my $jobs, "-|", "systemctl", "list-jobs", "--plain", "--no-legend")) {
  my $is_wanted = grep { /^\s*\d+\s+oci-stop@\Q$service\E\s+start\s/ } <$jobs>;
  system("systemctl", "start", "--no-block", "--", $service) if $is_wanted;
}
exit 0;

sub end_process {
  my %shown;
  my @properties = map { ("-p", $_) } qw(MainPID ControlGroup KillMode KillSignal TimeoutStopUSec);
  open(my $show, "-|", "systemctl", "show", @properties, "--", $service) or die "systemctl: $!\n";
  while (<$show>) { chomp; $shown{$1} = $2 if /^(\w+)=(.*)$/ }
  close $show;
  my $pid = $shown{MainPID};
  return unless defined $pid && $pid =~ /^[1-9][0-9]*$/ && $shown{KillMode} ne "none";

  # A descriptor stays with its process. The number may be another process's by now: the cgroup says whose it is.
  $descriptor = syscall(PIDFD_OPEN, $pid + 0, 0);
  return if $descriptor < 0;
  open(my $cgroup, "<", "/proc/$pid/cgroup") or return;
  my ($group) = map { /^0::(.*)$/ } <$cgroup>;
  return unless defined $group && $group eq $shown{ControlGroup};

  my $signal = $shown{KillSignal} + 0;
  if ($shown{KillMode} eq "control-group") {
    system("systemctl", "kill", "--signal=$signal", "--", $service);
  } else {
    send_signal($signal);
  }
  # A process that is stopped takes no signal before it goes on.
  send_signal(SIGCONT);
  return if has_ended(seconds($shown{TimeoutStopUSec}));
  print STDERR "<4>the main process of $service did not end within $shown{TimeoutStopUSec} of signal $signal: it is killed\n";
  send_signal(SIGKILL);
  has_ended(PATIENCE);
}

sub send_signal { syscall(PIDFD_SEND_SIGNAL, $descriptor, $_[0], 0, 0) }

# Whether the process ends within a number of seconds; without one there is no limit. A signal only interrupts the waiting.
sub has_ended {
  my ($left) = @_;
  for (;;) {
    my $ready = "";
    vec($ready, $descriptor, 1) = 1;
    (my $found, $left) = select($ready, undef, undef, $left);
    return $found > 0 if $found >= 0;
  }
}

# Returns the seconds of a time span as systemctl prints it: 1min 30s, 500ms, infinity. A span that is not understood counts as no limit.
sub seconds {
  my ($text) = @_;
  my %units = (us => 1e-6, ms => 1e-3, s => 1, min => 60, h => 3600, d => 86400, w => 604800, month => 2629800, y => 31557600);
  my $sum = 0;
  for my $part (split / /, $text) {
    $part =~ /^([0-9.]+)(\w+)$/ && exists $units{$2} or return undef;
    $sum += $1 * $units{$2};
  }
  return $sum;
}
