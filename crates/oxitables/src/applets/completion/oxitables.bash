# Completion of bash for oxitables and the commands of iptables. Printed by `oxitables completions bash'.
_oxitables() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            $'\tfiles') compopt -o default 2> /dev/null ;;
            $'\tnospace') compopt -o nospace 2> /dev/null ;;
            *) COMPREPLY+=("$line") ;;
        esac
    done < <(oxitables complete bash --breaks "$COMP_WORDBREAKS" -- "${COMP_LINE:0:COMP_POINT}" 2> /dev/null)
}
complete -F _oxitables @NAMES@
