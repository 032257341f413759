#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# gen.sh STACKSNAP: print the bash completion, made from the option tables that the program itself
# prints (--help=options), its own and those of its commands. It needs nothing of the bash-completion package at run time.
set -eu

TAB=$(printf '\t')
program=${1:?usage: gen.sh STACKSNAP}
table=$("$program" --help=options)
commands="report diff merge symbolize doctor"

# case patterns of one option: --output|-o
pattern() {
	if [ "$2" = - ]; then
		printf -- '--%s' "$1"
	else
		printf -- '--%s|-%s' "$1" "$2"
	fi
}

words() {
	printf '%s\n' "$table" | while IFS=$TAB read -r name letter _ _; do
		printf -- '--%s ' "$name"
		[ "$letter" = - ] || printf -- '-%s ' "$letter"
	done
}

# One case branch for every option that takes an argument.
branches() {
	printf '%s\n' "$table" | while IFS=$TAB read -r name letter arg _; do
		case $arg in
		-) continue ;;
		PID*) values='$(_stacksnap_pids)' ;;
		FILE) values= ;;
		# anything else in capitals can be any word: offer nothing
		[A-Z]*) values=' ' ;;
		*) values=$(printf '%s' "$arg" | tr '|' ' ') ;;
		esac
		printf '\t%s)\n' "$(pattern "$name" "$letter")"
		if [ -z "$values" ]; then
			printf '\t\tCOMPREPLY=($(compgen -f -- "$cur"))\n'
		else
			printf '\t\tCOMPREPLY=($(compgen -W "%s" -- "$cur"))\n' "$values"
		fi
		printf '\t\treturn\n\t\t;;\n'
	done
}

# One case branch for every command that works with files: its own options, else files.
command_branches() {
	for command in $commands; do
		table=$("$program" "$command" --help=options)
		cat <<EOF
	$command)
		case \$prev in
$(branches)
		esac
		case \$cur in
		-*) COMPREPLY=(\$(compgen -W "$(words)" -- "\$cur")) ;;
		*) COMPREPLY=(\$(compgen -f -- "\$cur")) ;;
		esac
		return
		;;
EOF
	done
}

cat <<EOF
# bash completion for stacksnap, generated from its option table

_stacksnap_pids()
{
	local dir
	for dir in /proc/[0-9]*; do
		printf '%s ' "\${dir#/proc/}"
	done
}

_stacksnap()
{
	local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]}

	# bash splits --stop=auto into three words, because = is in COMP_WORDBREAKS
	if [ "\$cur" = "=" ]; then
		cur=
	elif [ "\$prev" = "=" ]; then
		prev=\${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if [ "\$COMP_CWORD" -gt 1 ]; then
		case \${COMP_WORDS[1]} in
$(command_branches)
		esac
	fi
	case \$prev in
$(branches)
	esac
	case \$cur in
	-*) COMPREPLY=(\$(compgen -W "$(words)" -- "\$cur")) ;;
	[a-z]*) COMPREPLY=(\$(compgen -W "$commands" -- "\$cur")) ;;
	*) COMPREPLY=(\$(compgen -W "\$(_stacksnap_pids)" -- "\$cur")) ;;
	esac
}

complete -o filenames -F _stacksnap stacksnap
EOF
