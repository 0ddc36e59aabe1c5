#!/usr/bin/perl
# oci-check SERVICE ROOT UID GROUPS CONFINED DIRECTORY PROGRAM ARGUMENT...: runs a program of an image beside the main
# process of its service, in the same namespaces: PID, mount, network, IPC and user.
#
#   ROOT        where the root of the service is mounted on the host: nothing is run if the service has not entered it
#   GROUPS      numbers, separated by commas: the first is the primary group
#   CONFINED    yes: no new privileges, and no new namespaces
#   ARGUMENT    the first is the name that the program gets as its own (argv[0])
#
# The variables OCI_CHECK_0, OCI_CHECK_1 … hold the program's environment, NAME=VALUE each. Under these names they
# have no effect on perl and systemctl, which run on the host as root. OCI_CHECK_FILE_0 and so on name files with more
# variables, which replace those; a file with "-" before its path may be missing.
#
# This is a perl script because everything from the first namespace to the program has to happen in one process with
# one thread that runs no other program. An image has no tools that could be trusted. A tool of the host that ran
# inside, with no more capabilities than the image's root has, would give that root access to the host through
# /proc/PID/root. Therefore this process keeps all capabilities until just before the program runs, and is not
# dumpable, which keeps all other processes out (ptrace(2)). Nothing is loaded after the root is changed.
use strict;
use warnings;

# For each machine name of the kernel: the numbers of prctl and setns, seccomp's AUDIT_ARCH, and the numbers of clone,
# unshare and clone3.
my %CALLS = (
  x86_64 => { prctl => 157, setns => 308, arch => 0xc000003e, clone => 56, unshare => 272, clone3 => 435, capset => 126 },
  aarch64 => { prctl => 167, setns => 268, arch => 0xc00000b7, clone => 220, unshare => 97, clone3 => 435, capset => 91 },
  riscv64 => { prctl => 167, setns => 268, arch => 0xc00000f3, clone => 220, unshare => 97, clone3 => 435, capset => 91 },
  loongarch64 => { prctl => 167, setns => 268, arch => 0xc0000102, clone => 220, unshare => 97, clone3 => 435, capset => 91 },
  ppc64le => { prctl => 171, setns => 350, arch => 0xc0000015, clone => 120, unshare => 282, clone3 => 435, capset => 184 },
  armv7l => { prctl => 172, setns => 375, arch => 0x40000028, clone => 120, unshare => 337, clone3 => 435, capset => 185 },
);

# prctl(2)
use constant { SET_DUMPABLE => 4, SET_SECCOMP => 22, CAPBSET_DROP => 24, SET_NO_NEW_PRIVS => 38 };
# The bits of clone(2) that make namespaces. Only unshare(2) and clone3 accept CLONE_NEWTIME.
use constant NEW_NAMESPACES => 0x7e020000;
use constant NEW_TIME => 0x80;

sub fail { print STDERR "the check cannot be made: $_[0]\n"; exit 125 }

@ARGV >= 8 or fail("usage: oci-check SERVICE ROOT UID GROUPS CONFINED DIRECTORY PROGRAM ARGUMENT...");
my ($service, $root, $uid, $groups, $confined, $directory, $program, @argv) = @ARGV;
my @groups = split /,/, $groups;
my @environment;
for (my $i = 0; defined $ENV{"OCI_CHECK_$i"}; $i++) { push @environment, $ENV{"OCI_CHECK_$i"} }
for (my $i = 0; defined $ENV{"OCI_CHECK_FILE_$i"}; $i++) { push @environment, variables_of($ENV{"OCI_CHECK_FILE_$i"}) }
%ENV = (PATH => "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");

my $machine = `uname -m`;
chomp $machine;
my $calls = $CALLS{$machine} or fail("oci-check does not know the machine $machine");

# The number may belong to another process by now. An open directory of /proc always belongs to the same process,
# whose cgroup tells which service it belongs to.
my %shown;
open(my $show, "-|", "systemctl", "show", "-p", "MainPID", "-p", "ControlGroup", "--", $service) or fail("systemctl: $!");
while (<$show>) { chomp; $shown{$1} = $2 if /^(\w+)=(.*)$/ }
close $show;
my $pid = $shown{MainPID};
defined $pid && $pid =~ /^[1-9][0-9]*$/ or fail("$service has no main process");
chdir "/proc/$pid" or fail("the main process of $service has ended");
my $group = first_line("cgroup", qr/^0::(.*)$/);
$group eq $shown{ControlGroup} or fail("process $pid is not of $service any more");
my $bounding = first_line("status", qr/^CapBnd:\s*([0-9a-f]{16})$/);

# The user namespace is entered last: it takes away the capabilities that the others need.
my @entered;
for my $kind (qw(net ipc uts cgroup pid mnt user)) {
  my $theirs = readlink "ns/$kind";
  defined $theirs or fail("the main process of $service has ended");
  next if $theirs eq readlink "/proc/self/ns/$kind";
  open my $namespace, "<", "ns/$kind" or fail("the namespace $kind of $service: $!");
  push @entered, [$kind, $namespace];
}
grep { $_->[0] eq "mnt" } @entered or fail("$service has not entered its root");
my ($device, $inode) = stat $root or fail("$root: $!");

# Root gets its inheritable capabilities when the program starts, whatever the bounding set says (capabilities(7)). This unit
# inherits those of the host's process 1, which has all of them in a container of systemd-nspawn.
clear_inheritable();
prctl(SET_DUMPABLE, 0);
$! = 0;
$) = join " ", $groups[0], @groups;
$( = $groups[0];
fail("the groups $groups: $!") if $! || $) != $groups[0] || $( != $groups[0];
my $forks = 0;
for (@entered) {
  my ($kind, $namespace) = @$_;
  syscall($calls->{setns}, fileno $namespace, 0) == 0 or fail("the namespace $kind of $service: $!");
  $forks = 1 if $kind eq "pid";
}
my ($entered, $at) = stat "/";
$entered == $device && $at == $inode or fail("$service has not entered its root");

# Only children enter the PID namespace.
if ($forks) {
  my $child = fork;
  defined $child or fail("fork: $!");
  if ($child) {
    waitpid $child, 0;
    my $signal = $? & 127;
    kill $signal, $$ if $signal;
    exit($? >> 8);
  }
}

# Root does not get capabilities that the bounding set lacks when it runs the program; other users get none.
my $high = hex substr $bounding, 0, 8;
my $low = hex substr $bounding, 8, 8;
for my $capability (0 .. 63) {
  my $bit = $capability < 32 ? $low >> $capability : $high >> ($capability - 32);
  next if $bit & 1;
  last if syscall($calls->{prctl}, CAPBSET_DROP, $capability, 0, 0, 0) != 0;
}
($<, $>) = ($uid, $uid);
$< == $uid && $> == $uid or fail("the user $uid: $!");
prctl(SET_DUMPABLE, 0);
if ($confined eq "yes") {
  prctl(SET_NO_NEW_PRIVS, 1);
  refuse_namespaces();
}
chdir $directory or fail("$directory: $!");
%ENV = ();
for (@environment) { $ENV{$1} = $2 if /\A([^=]+)=(.*)\z/s }
{ no warnings "exec"; exec { $program } @argv }
print STDERR "$program: $!\n";
exit 126;

sub prctl {
  my ($option, @values) = @_;
  push @values, 0 while @values < 4;
  syscall($calls->{prctl}, $option, @values) == 0 or fail("prctl $option: $!");
}

# Reads a file as systemd does for EnvironmentFile= (systemd.exec(5)). A comment ends with its line, also after a backslash: before
# version 254 systemd let it go on there.
sub variables_of {
  my ($file) = @_;
  my $is_optional = $file =~ s/\A-//;
  open my $handle, "<", $file or return $is_optional ? () : fail("$file: $!");
  my $text = do { local $/; <$handle> };
  my ($state, $key, $value, $blank, @found) = ("before", "", "");
  my $found = sub {
    $key =~ s/[ \t]+\z//;
    $value = substr $value, 0, $blank if $state eq "value" && defined $blank;
    push @found, "$key=$value" if $key =~ /\A[A-Za-z_][A-Za-z0-9_]*\z/;
    ($state, $key, $value, $blank) = ("before", "", "");
  };
  for my $c (split //, defined $text ? $text : "") {
    my $is_end = $c eq "\n" || $c eq "\r";
    my $is_blank = $is_end || $c eq " " || $c eq "\t";
    if ($state eq "before") {
      if ($c eq "#" || $c eq ";") { $state = "comment" }
      elsif (!$is_blank) { ($state, $key) = ("key", $c) }
    } elsif ($state eq "key") {
      if ($is_end) { ($state, $key) = ("before", "") }
      elsif ($c eq "=") { $state = "before value" }
      else { $key .= $c }
    } elsif ($state eq "before value") {
      if ($is_end) { $found->() }
      elsif ($c eq "'") { $state = "single" }
      elsif ($c eq '"') { $state = "double" }
      elsif ($c eq "\\") { $state = "escape" }
      elsif (!$is_blank) { $state = "value"; $value .= $c }
    } elsif ($state eq "value") {
      if ($is_end) { $found->() }
      elsif ($c eq "\\") { ($state, $blank) = ("escape", undef) }
      else {
        $blank = $is_blank ? (defined $blank ? $blank : length $value) : undef;
        $value .= $c;
      }
    } elsif ($state eq "escape") {
      $state = "value";
      $value .= $c unless $is_end;
    } elsif ($state eq "single") {
      if ($c eq "'") { $state = "before value" }
      else { $value .= $c }
    } elsif ($state eq "double") {
      if ($c eq '"') { $state = "before value" }
      elsif ($c eq "\\") { $state = "double escape" }
      else { $value .= $c }
    } elsif ($state eq "double escape") {
      $state = "double";
      if ($c =~ /["\\`\$]/) { $value .= $c }
      elsif ($c ne "\n") { $value .= "\\$c" }
    } elsif ($state eq "comment") {
      $state = "before" if $is_end;
    }
  }
  $found->() unless $state eq "before" || $state eq "key" || $state eq "comment";
  return @found;
}

sub first_line {
  my ($file, $pattern) = @_;
  open my $lines, "<", $file or fail("the main process of $service has ended");
  while (<$lines>) { return $1 if $_ =~ $pattern }
  fail("/proc/$pid/$file is not understood");
}

# The filter is that of RestrictNamespaces= of the service. The unit's own filters cannot do this, because the calls
# above need setns(2).
sub refuse_namespaces {
  my ($eperm, $enosys) = (0x00050001, 0x00050026);
  my @program = (
    [0x20, 0, 0, 4],                       # the architecture: SystemCallArchitectures= has refused others, but for an image of one
    [0x15, 0, 9, $calls->{arch}],          #   that is not the machine's
    [0x20, 0, 0, 0],                       # the call
    [0x15, 8, 0, $calls->{setns}],         #   setns: EPERM
    [0x15, 6, 0, $calls->{clone3}],        #   clone3: ENOSYS, as its flags are in memory
    [0x15, 2, 0, $calls->{unshare}],
    [0x15, 1, 0, $calls->{clone}],
    [0x06, 0, 0, 0x7fff0000],              # all others are allowed
    [0x20, 0, 0, 16],                      # the flags
    [0x45, 2, 0, NEW_NAMESPACES],          #   new namespaces: EPERM
    [0x06, 0, 0, 0x7fff0000],
    [0x06, 0, 0, $enosys],
    [0x06, 0, 0, $eperm],
  );
  my $filter = join "", map { pack "SCCL", @$_ } @program;
  my $header = pack "SxxxxxxP", scalar @program, $filter;
  syscall($calls->{prctl}, SET_SECCOMP, 2, $header, 0, 0) == 0 or fail("seccomp: $!");
}

sub clear_inheritable {
  my %own;
  open my $status, "<", "/proc/self/status" or fail("/proc/self/status: $!");
  while (<$status>) { $own{$1} = [hex $2, hex $3] if /^Cap(Eff|Prm):\s*([0-9a-f]{8})([0-9a-f]{8})$/ }
  my $header = pack "L l", 0x20080522, 0;
  my $sets = pack "L6", $own{Eff}[1], $own{Prm}[1], 0, $own{Eff}[0], $own{Prm}[0], 0;
  syscall($calls->{capset}, $header, $sets) == 0 or fail("capset: $!");
}
